"""Work on many planes in this process, and what it came to."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import partial

from napari_segment_anything.batch.encode_ahead import (
    N_READ_AHEAD,
    EncodeAhead,
    Prepared,
)
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
from napari_segment_anything.engine.image import Plane
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
        Has the next planes encoded in the meantime, too.

    Yields
    ------
    Progress
        One step a plane, and now and then between.
    """
    n_ahead = 1 if ahead is None else N_READ_AHEAD
    device = None if ahead is None else ahead.predictor.device
    with (
        closing(read_ahead(stack, indices, n_ahead=n_ahead)) as planes,
        closing(_prepared(planes, ahead)) as prepared,
        closing(
            side_by_side(
                [partial(_do, work, progress) for work in works], prepared, device
            )
        ) as steps,
    ):
        for done in steps:
            if done is not None:
                # Most of the reading is hidden; what is waited for counts.
                tally.add(with_reading(done.result, done.waited))
                progress = progress.next()
            yield progress


def _prepared(
    planes: Iterable[tuple[Index, Plane]], ahead: EncodeAhead | None
) -> Generator[tuple[Index, Prepared], None, None]:
    """Have planes encoded, if that is to be done ahead."""
    if ahead is None:
        for index, plane in planes:
            yield index, Prepared(index, plane, PlaneOutcome(), is_embedded=False)
            del plane  # reading the next one needs its memory
        return
    with closing(ahead.over(planes)) as prepared:
        for item in prepared:
            yield item.index, item


def _do(
    work: PlaneWork, progress: Progress, index: Index, prepared: Prepared
) -> Generator[Progress, None, PlaneOutcome]:
    """Do what is left to do for a plane."""
    outcome = yield from work.do(
        index, prepared.plane, progress, is_embedded=prepared.is_embedded
    )
    return joined(outcome, prepared.outcome)
