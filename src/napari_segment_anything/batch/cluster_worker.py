"""What a worker of a dask cluster runs: one model, one plane at a time."""

import threading
from contextlib import closing
from time import perf_counter
from typing import Any

import dask
import torch
from distributed import WorkerPlugin, get_worker

from napari_segment_anything.batch.plane_work import (
    Index,
    PlaneOutcome,
    PlaneRecipe,
    PlaneWork,
    with_reading,
)
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.errors import CheckpointError
from napari_segment_anything.stacks.large_plane import plane_of


class PlaneWorker(WorkerPlugin):
    """Holds the model of a worker for the time of a job.

    Parameters
    ----------
    name : str
        Of the job.
    recipe : PlaneRecipe
        What to do.
    model, device : str
        For `load_model`, on the worker's machine.
    model_digest : str
        The weights that are meant.
    n_threads : int, optional
        Threads of the model; by default those that the worker was given.
    has_own_gpu : bool
        Whether each worker sees a GPU of its own as the first one.
    """

    def __init__(
        self,
        name: str,
        recipe: PlaneRecipe,
        *,
        model: str,
        device: str,
        model_digest: str,
        n_threads: int | None = None,
        has_own_gpu: bool = False,
    ) -> None:
        self.name = name
        self._recipe = recipe
        self._model = model
        self._device = device
        self._digest = model_digest
        self._n_threads = n_threads
        self._has_own_gpu = has_own_gpu

    def setup(self, worker: Any) -> None:
        """Prepare a worker; the model is loaded by its first plane."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._work: PlaneWork | None = None
        is_numbered = isinstance(worker.name, int) and not self._has_own_gpu
        self._number: int | None = worker.name if is_numbered else None
        self._n_threads = self._n_threads or worker.state.nthreads

    def teardown(self, worker: Any) -> None:
        """Stop the plane that is being worked on, as the job is cancelled or done."""
        self._stop.set()

    def do(self, index: Index) -> PlaneOutcome:
        """Work on one plane."""
        started = perf_counter()
        # A dask array is read here, not by more tasks of the same cluster.
        with dask.config.set(scheduler="threads"):
            plane = plane_of(self._recipe.stack, index)
        seconds = perf_counter() - started
        # Others may read in the meantime, but memory is for one plane at a time.
        with self._lock:
            job = self._begun().do(index, plane, Progress("", 0, 0))
            with closing(job):
                while not self._stop.is_set():
                    try:
                        next(job)
                    except StopIteration as stop:
                        outcome: PlaneOutcome = stop.value
                        return with_reading(outcome, seconds)
        return PlaneOutcome()

    def _begun(self) -> PlaneWork:
        if self._work is None:
            from napari_segment_anything.models.load import load_model

            torch.set_num_threads(self._n_threads or 1)
            predictor = load_model(self._model, device=self._own_device())
            if predictor.model_digest != self._digest:
                raise CheckpointError(
                    f"A worker has other weights of {self._model} than this machine; "
                    f"copy the same weights file to all machines."
                )
            self._work = self._recipe.begin(predictor)
        return self._work

    def _own_device(self) -> str:
        """Spread the workers of one machine over its GPUs."""
        n_gpus = torch.cuda.device_count()
        if self._number is not None and n_gpus > 1 and self._device in ("auto", "cuda"):
            return f"cuda:{self._number % n_gpus}"
        return self._device


def do_plane(name: str, index: Index) -> PlaneOutcome:
    """Task of one plane, for the worker that it is sent to."""
    plugin: Any = get_worker().plugins[name]
    outcome: PlaneOutcome = plugin.do(index)
    return outcome
