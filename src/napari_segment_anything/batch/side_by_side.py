"""Planes, or parts of one, side by side: each has a thread of its own.

On a CPU, threads that share one plane wait for each other after each of the hundreds of
steps of the networks, and all of them for what only one of them can do. Threads that
have a plane each do not, and reading and writing take time from one plane alone. On a
card, what the CPU does for one plane hides behind what the card does for others.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    wait,
)
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import Generic, TypeVar

import torch

from napari_segment_anything.batch.read_ahead import Index
from napari_segment_anything.batch.team import team
from napari_segment_anything.engine.memory import free_bytes, release_memory
from napari_segment_anything.engine.parts import Part, RunParts, in_turn
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.single_thread import n_own_threads
from napari_segment_anything.networks.config import TinyViTConfig
from napari_segment_anything.stacks.stack import Stack

Item = TypeVar("Item")
Result = TypeVar("Result")
# Begins work on one of many items, a generator that returns the result.
Job = Callable[[Index, Item], Generator[object, None, Result]]

# Beyond, memory grows faster than speed.
_MOST_AT_ONCE = 8
# With a card, more would only take turns: what is left to Python is done by one. As
# many are of use on two processors, as some of them always wait for the card.
_MOST_ON_CARD = 4
# Of a card's memory for each of them. Should it not do, fewer prompts go at once.
_BYTES_ON_CARD = 2 * 2**30
# Of all planes together. Tiles bound the memory of the networks, not that of labels.
_MOST_PIXELS = 2**24
# Results, for each job, that may wait for those before them.
_MOST_WAITING = 2
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, eq=False)
class Done(Generic[Result]):
    """What came of a plane, and the seconds that were waited for it to be read."""

    index: Index
    result: Result
    waited: float


def is_on_card(predictor: MaskPredictor) -> bool:
    """Whether a predictor computes beside the CPU, and leaves it free."""
    return predictor.device.type != "cpu"


def card_of(predictor: MaskPredictor) -> torch.device | None:
    """Return the card that a predictor computes on; None for the CPU."""
    return predictor.device if is_on_card(predictor) else None


def n_side_by_side(predictor: MaskPredictor, stack: Stack) -> int:
    """How many planes of a stack to work on at once; 1: one after the other.

    A plain vision transformer keeps all processors busy with one plane, which would
    take a single one minutes. On a card several planes need its memory as well; where
    nobody counts that, there is one at a time.
    """
    height, width = stack.plane_shape
    most = min(_MOST_PIXELS // max(1, height * width), stack.n_planes)
    if is_on_card(predictor):
        free = free_bytes(predictor.device) or 0
        return max(1, min(most, _MOST_ON_CARD, free // _BYTES_ON_CARD))
    if not isinstance(predictor.config.image_encoder, TinyViTConfig):
        return 1
    return max(1, min(most, n_own_threads(), _MOST_AT_ONCE))


def parts_at_once(predictor: MaskPredictor) -> RunParts:
    """Have the parts of a plane's work done at once, on a CPU."""
    n = min(n_own_threads(), _MOST_AT_ONCE)
    if is_on_card(predictor) or n == 1:
        return in_turn

    def run(parts: Sequence[Part[Result]]) -> Generator[float, None, list[Result]]:
        def begin(_: Index, part: Part[Result]) -> Generator[float, None, Result]:
            return part()

        # The threads take memory of their own, beside what encoding has left.
        release_memory(predictor.device)
        numbered = (((number,), part) for number, part in enumerate(parts))
        results: list[Result] = []
        with closing(side_by_side([begin] * min(n, len(parts)), numbered)) as steps:
            for done in steps:
                if done is not None:
                    results.append(done.result)
                yield len(results) / len(parts)
        return results

    return run


def side_by_side(
    jobs: Sequence[Job[Item, Result]],
    items: Iterable[tuple[Index, Item]],
    device: torch.device | None = None,
) -> Generator[Done[Result] | None, None, None]:
    """Work on as many items, planes mostly, at once as there are jobs.

    Parameters
    ----------
    jobs : sequence of callable
        Each begins the work on an item, a generator that returns the result; the same
        work, with a state of its own. One works on one item at a time.
    items : iterable of index and item
        Asked for the next one when a job is free.
    device : torch.device, optional
        The card that the jobs compute on, if they do; see `team`.

    Yields
    ------
    Done or None
        The results in the order of the items; None now and then between. When closed,
        it waits until all jobs have come to their next step.

    Raises
    ------
    Exception
        What reading or working on an item raised, in the place of its result; soon
        none after it is begun.
    """
    if len(jobs) <= 1:
        yield from _one_by_one(jobs, items)
        return
    free: SimpleQueue[Job[Item, Result]] = SimpleQueue()
    for job in jobs:
        free.put(job)
    stop = threading.Event()
    coming = _timed(items)
    waiting: deque[tuple[Index, float, Future[Result]]] = deque()
    # What reading raised; set once there is nothing more to read.
    ended: list[Exception] = []
    with team(len(jobs), "plane", device) as threads:
        try:
            while True:
                going = [future for *_, future in waiting if not future.done()]
                is_room = len(waiting) < _MOST_WAITING * len(jobs)
                if not ended and len(going) < len(jobs) and is_room:
                    try:
                        index, item, waited = next(coming)
                    except Exception as error:  # noqa: BLE001 raised in its turn
                        ended.append(error)
                    else:
                        future = threads.submit(_work, free, stop, index, item)
                        waiting.append((index, waited, future))
                        del item
                elif not waiting:
                    break
                elif waiting[0][2].done():
                    index, waited, future = waiting.popleft()
                    yield Done(index, future.result(), waited)
                elif not wait(going, _SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED).done:
                    yield None
        finally:
            stop.set()
    if not isinstance(ended[0], StopIteration):
        raise ended[0]


def _work(
    free: "SimpleQueue[Job[Item, Result]]",
    stop: threading.Event,
    index: Index,
    item: Item,
) -> Result:
    """Work on one item with a job that is free, unless nobody waits any more."""
    job = free.get()
    try:
        with closing(job(index, item)) as steps:
            while not stop.is_set():
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    return result
    finally:
        free.put(job)
    raise CancelledError


def _one_by_one(
    jobs: Sequence[Job[Item, Result]], items: Iterable[tuple[Index, Item]]
) -> Generator[Done[Result] | None, None, None]:
    for index, item, waited in _timed(items):
        with closing(jobs[0](index, item)) as steps:
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    break
                yield None
        yield Done(index, result, waited)


def _timed(
    items: Iterable[tuple[Index, Item]],
) -> Generator[tuple[Index, Item, float], None, None]:
    """Tell how long each item was waited for."""
    coming = iter(items)
    while True:
        started = perf_counter()
        try:
            index, item = next(coming)
        except StopIteration:
            return
        yield index, item, perf_counter() - started
        del item
