"""Work on many planes in this process, and what it came to."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import partial
from time import perf_counter

from napari_segment_anything.batch.encode_ahead import N_READ_AHEAD, EncodeAhead
from napari_segment_anything.batch.plane_work import (
    Index,
    PlaneOutcome,
    PlaneWork,
    joined,
    with_reading,
)
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.read_ahead import read_ahead
from napari_segment_anything.batch.side_by_side import side_by_side
from napari_segment_anything.stacks.stack import Stack


class Tally:
    """Adds up what came of planes.

    Attributes
    ----------
    n_planes, n_objects, n_resumed : int
        Planes, their objects, and planes whose candidates were known.
    n_encoded : int
        Planes that had to be encoded, whole or in part.
    seconds : dict of str to float
        Time by activity. On several workers they pass at the same time.
    """

    def __init__(self) -> None:
        self.n_planes = self.n_objects = self.n_encoded = self.n_resumed = 0
        self.seconds: dict[str, float] = {}

    def add(self, outcome: PlaneOutcome) -> None:
        """Count one more plane."""
        self.n_planes += 1
        self.n_objects += outcome.n_objects
        self.n_encoded += outcome.n_encoded > 0
        self.n_resumed += outcome.is_resumed
        for activity, seconds in outcome.seconds.items():
            self.seconds[activity] = self.seconds.get(activity, 0.0) + seconds


def work_here(
    works: Sequence[PlaneWork],
    stack: Stack,
    indices: Iterable[Index],
    tally: Tally,
    progress: Progress,
    ahead: EncodeAhead | None = None,
) -> Generator[Progress, None, None]:
    """Do the work on each plane; the next ones are read in the meantime.

    Parameters
    ----------
    works : sequence of PlaneWork
        What is to be done; as many times as planes are to be worked on at once.
    stack : Stack
        Read plane by plane.
    indices : iterable of tuple of int
        Which planes.
    tally : Tally
        Counts what came of them.
    progress : Progress
        The state before the first plane; gives stage and total.
    ahead : EncodeAhead, optional
        Has the next planes encoded in the meantime, too, for the first of the works.

    Yields
    ------
    Progress
        One step a plane, and now and then between.
    """
    if ahead is not None:
        yield from _work_behind(ahead, works[0], stack, indices, tally, progress)
        return
    jobs = [partial(work.do, progress=progress) for work in works]
    with (
        closing(read_ahead(stack, indices)) as planes,
        closing(side_by_side(jobs, planes)) as steps,
    ):
        for done in steps:
            if done is not None:
                tally.add(with_reading(done.result, done.waited))
                progress = progress.next()
            yield progress


def _work_behind(
    ahead: EncodeAhead,
    work: PlaneWork,
    stack: Stack,
    indices: Iterable[Index],
    tally: Tally,
    progress: Progress,
) -> Generator[Progress, None, None]:
    with (
        closing(read_ahead(stack, indices, n_ahead=N_READ_AHEAD)) as planes,
        closing(ahead.over(planes)) as prepared,
    ):
        while True:
            # Most of the reading is hidden; what is waited for counts.
            started = perf_counter()
            index, plane, done_ahead = next(prepared, (None, None, PlaneOutcome()))
            waited = perf_counter() - started
            if index is None or plane is None:
                return
            outcome = joined((yield from work.do(index, plane, progress)), done_ahead)
            tally.add(with_reading(outcome, waited))
            progress = progress.next()
            yield progress
