"""Threads that share the processors, and have streams of their own on a card."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from napari_segment_anything.engine.memory import release_memory
from napari_segment_anything.engine.single_thread import (
    n_common_threads,
    n_own_threads,
)


@contextmanager
def team(
    n: int, name: str, device: torch.device | None = None
) -> Iterator[ThreadPoolExecutor]:
    """Begin n threads each of which computes with its part of the processors.

    At the end it waits for what they have begun, and drops what they have not.

    Parameters
    ----------
    n : int
        Number of threads.
    name : str
        What the threads are called.
    device : torch.device, optional
        The card that computes, if there is one. On the CPU each thread is then alone:
        teams of theirs would wait actively for the little that there is to do. On a
        CUDA card each has a stream of its own, so that it waits for its own work alone.
        Tensors must pass from one to the other by the CPU.
    """
    n_threads = n_own_threads()
    # Asked while no thread has a number of its own: it is remembered.
    n_common_threads()
    n_each = n_threads // n or 1 if device is None else 1
    # Made here: what a thread raises as it begins would be told to nobody.
    streams = _new_streams(n, device)
    threads = ThreadPoolExecutor(n, name, _begin, (n_each, streams))
    begun = threading.Barrier(n + 1)
    try:
        for _ in range(n):
            threads.submit(begun.wait)
        begun.wait()
        # Threads that first compute from now on take their number from the last call.
        torch.set_num_threads(n_threads)
        yield threads
    finally:
        # Whoever is interrupted meanwhile must not leave threads behind that wait.
        begun.abort()
        threads.shutdown(wait=True, cancel_futures=True)
        if device is not None:
            # What torch keeps for one stream is of no use to others.
            release_memory(device)


def _new_streams(n: int, device: torch.device | None) -> list[torch.cuda.Stream]:
    if device is None or device.type != "cuda":
        return []
    # torch's stubs leave out its types.
    streams = [torch.cuda.Stream(device) for _ in range(n)]  # type: ignore[no-untyped-call]
    for stream in streams:
        # Weights may still be on their way to the card.
        stream.wait_stream(torch.cuda.default_stream(device))
        stream.wait_stream(torch.cuda.current_stream(device))
    return streams


def _begin(n_threads: int, streams: list[torch.cuda.Stream]) -> None:
    # A thread takes the common number once, when it first asks: not after this.
    torch.get_num_threads()
    torch.set_num_threads(n_threads)
    if streams:
        torch.cuda.set_stream(streams.pop())
