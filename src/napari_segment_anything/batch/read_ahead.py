"""Reads the next planes of a stack while the present one is worked on."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy.typing as npt

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack

Index = tuple[int, ...]
Plane = npt.NDArray[Any] | BandedPlane


def read_ahead(
    stack: Stack, indices: Iterable[Index], *, n_ahead: int = 1
) -> Generator[tuple[Index, Plane], None, None]:
    """Yield planes in the order of their indices, read by a thread of its own.

    Memory holds at most `n_ahead` planes beside the one that was yielded last.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    indices : iterable of tuple of int
        Which planes; taken one by one, when a plane is due to be read.
    n_ahead : int
        Planes that are read before they are asked for.

    Yields
    ------
    index : tuple of int
        The plane's index.
    plane : numpy.ndarray or BandedPlane
        (H, W) or (H, W, 3); a very large plane is read as its parts are asked for.

    Raises
    ------
    UnreadableInputError
        A plane cannot be read; those before it have been yielded.
    """
    coming = iter(indices)
    waiting: deque[tuple[Index, Future[Plane]]] = deque()
    # One thread: files have one position, and planes are needed one after the other.
    reader = ThreadPoolExecutor(1, "reader")
    try:
        while True:
            for index in islice(coming, n_ahead + 1 - len(waiting)):
                waiting.append((index, reader.submit(plane_of, stack, index)))
            if not waiting:
                return
            index, plane = waiting.popleft()
            yield index, plane.result()
            del plane
    finally:
        reader.shutdown(wait=False, cancel_futures=True)
