"""Planes side by side on a CPU: each is worked on by a thread of its own.

Threads that share one plane wait for each other after each of the hundreds of steps of
the networks, and all of them for what only one of them can do. Threads that have a
plane each do not, and reading and writing take time from one plane alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import Generic, TypeVar

import torch

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.read_ahead import Index, Plane
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.single_thread import n_common_threads
from napari_segment_anything.networks.config import TinyViTConfig
from napari_segment_anything.stacks.stack import Stack

Result = TypeVar("Result")
PlaneJob = Callable[[Index, Plane], Generator[Progress, None, Result]]

# Beyond, memory grows faster than speed.
_MOST_PLANES = 8
# Of all planes together. Tiles bound the memory of the networks, not that of labels.
_MOST_PIXELS = 2**24
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, eq=False)
class Done(Generic[Result]):
    """What came of a plane, and the seconds that were waited for it to be read."""

    index: Index
    result: Result
    waited: float


def n_side_by_side(predictor: MaskPredictor, stack: Stack) -> int:
    """How many planes of a stack to work on at once; 1: one after the other.

    A card takes planes in batches, see `EncodeAhead`. A plain vision transformer keeps
    all processors busy with one plane, which would take a single one minutes.
    """
    if predictor.device.type != "cpu" or not isinstance(
        predictor.config.image_encoder, TinyViTConfig
    ):
        return 1
    height, width = stack.plane_shape
    fitting = _MOST_PIXELS // max(1, height * width)
    return max(1, min(torch.get_num_threads(), _MOST_PLANES, fitting, stack.n_planes))


def side_by_side(
    jobs: Sequence[PlaneJob[Result]], planes: Iterable[tuple[Index, Plane]]
) -> Generator[Done[Result] | None, None, None]:
    """Work on as many planes at once as there are jobs.

    Parameters
    ----------
    jobs : sequence of callable
        Each begins the work on a plane, a generator that returns the result; the same
        work, with a state of its own. One works on one plane at a time.
    planes : iterable of index and plane
        Asked for the next plane when a job is free.

    Yields
    ------
    Done or None
        The planes in their order; None now and then while they are worked on. When
        closed, it waits until all jobs have come to their next step.

    Raises
    ------
    Exception
        What reading or working on a plane raised, in the place of its result; no plane
        after it is begun.
    """
    if len(jobs) == 1:
        yield from _one_by_one(jobs[0], planes)
        return
    free: SimpleQueue[PlaneJob[Result]] = SimpleQueue()
    for job in jobs:
        free.put(job)
    stop = threading.Event()
    coming = _timed(planes)
    waiting: deque[tuple[Index, float, Future[Result]]] = deque()
    # What reading raised; set once there is nothing more to read.
    ended: list[Exception] = []
    with _team(len(jobs)) as team:
        try:
            while True:
                while not ended and len(waiting) < len(jobs):
                    try:
                        index, plane, waited = next(coming)
                    except Exception as error:  # noqa: BLE001 raised in its turn
                        ended.append(error)
                    else:
                        future = team.submit(_work, free, stop, index, plane)
                        waiting.append((index, waited, future))
                        del plane
                if not waiting:
                    break
                index, waited, future = waiting[0]
                if wait([future], _SECONDS_BETWEEN_LOOKS).done:
                    waiting.popleft()
                    yield Done(index, future.result(), waited)
                else:
                    yield None
        finally:
            stop.set()
    if not isinstance(ended[0], StopIteration):
        raise ended[0]


def _work(
    free: "SimpleQueue[PlaneJob[Result]]",
    stop: threading.Event,
    index: Index,
    plane: Plane,
) -> Result:
    """Work on one plane with a job that is free, unless nobody waits any more."""
    job = free.get()
    try:
        with closing(job(index, plane)) as steps:
            while not stop.is_set():
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    return result
    finally:
        free.put(job)
    raise CancelledError


@contextmanager
def _team(n: int) -> Iterator[ThreadPoolExecutor]:
    """Begin n threads that share the processors; each computes with its part of them.

    At the end it waits for what they have begun, and drops what they have not.
    """
    n_common = n_common_threads()
    team = ThreadPoolExecutor(n, "plane", _compute_with, (n_common // n or 1,))
    begun = threading.Barrier(n + 1)
    for _ in range(n):
        team.submit(begun.wait)
    begun.wait()
    # Threads that first compute from now on take their number from the last call.
    torch.set_num_threads(n_common)
    try:
        yield team
    finally:
        team.shutdown(wait=True, cancel_futures=True)


def _compute_with(n_threads: int) -> None:
    # A thread takes the common number once, when it first asks: not after this.
    torch.get_num_threads()
    torch.set_num_threads(n_threads)


def _one_by_one(
    job: PlaneJob[Result], planes: Iterable[tuple[Index, Plane]]
) -> Generator[Done[Result] | None, None, None]:
    for index, plane, waited in _timed(planes):
        with closing(job(index, plane)) as steps:
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    break
                yield None
        yield Done(index, result, waited)


def _timed(
    planes: Iterable[tuple[Index, Plane]],
) -> Generator[tuple[Index, Plane, float], None, None]:
    """Tell how long each plane was waited for."""
    coming = iter(planes)
    while True:
        started = perf_counter()
        try:
            index, plane = next(coming)
        except StopIteration:
            return
        yield index, plane, perf_counter() - started
        del plane
