"""Processes on this machine for a cluster, with a GPU each where there are some."""

import logging
import warnings
from importlib import import_module
from typing import Any


def start_local_cluster(
    distributed: Any, n_workers: int, device: str
) -> tuple[Any, bool]:
    """Start workers; each has one thread for planes.

    With dask-cuda, and no more workers than GPUs, each worker sees a GPU of its own.
    Otherwise workers are processes that choose among the GPUs by their number.

    Parameters
    ----------
    distributed : module
        dask.distributed.
    n_workers : int
        How many.
    device : str
        That of their models.

    Returns
    -------
    tuple
        The cluster, to be closed by the caller, and whether each worker sees a GPU of
        its own as the first one.
    """
    options: dict[str, Any] = {
        "n_workers": n_workers,
        "threads_per_worker": 1,
        "dashboard_address": None,
        # A part of the memory each would end workers that others leave room.
        "memory_limit": 0,
        "silence_logs": logging.CRITICAL,
    }
    n_gpus = count_gpus() if device in ("auto", "cuda") else 0
    if n_gpus and n_workers <= n_gpus:
        try:
            dask_cuda = import_module("dask_cuda")
        except ImportError:
            if n_gpus > 1:
                warnings.warn(
                    f"dask-cuda is not installed, so {n_workers} workers share "
                    f"{n_gpus} GPUs by their number; install dask-cuda to give each "
                    f"worker a GPU that no other one sees.",
                    stacklevel=3,
                )
        else:
            return dask_cuda.LocalCUDACluster(**options), True
    return distributed.LocalCluster(processes=True, **options), False


def count_gpus() -> int:
    """Return how many GPUs torch can use here."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
