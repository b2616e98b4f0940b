"""What the dock *Time* asks of the batch room: one request, one generator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.widgets.label_planes import LabelPlanes
from napari_segment_anything.widgets.time_request import TimeRequest, TimeTracks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import numpy.typing as npt

    from napari_segment_anything.batch.track_result import TrackResult
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.storage.candidate_store import CandidateStore
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.tracking.correction_steps import LabelFrames, Place

    WritePlane = Callable[[str, tuple[int, ...], npt.NDArray[np.integer]], None]


def time_job(
    request: TimeRequest,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    candidates: CandidateStore | None,
    write: WritePlane,
    movie: Callable[[PlaneId], LabelFrames],
) -> Generator[Progress, None, TimeTracks]:
    """Track, write labels plane by plane as they come, and prepare the review.

    Parameters
    ----------
    request : TimeRequest
        What to do.
    predictor, store, candidates
        The model, and what was found before.
    write : callable
        Takes axes, a position along them and a label image.
    movie : callable
        Returns the frames that `write` has written, of the movie of a plane.
    """
    from napari_segment_anything.batch.mask_scores import MaskScores
    from napari_segment_anything.batch.output import ArrayOutput
    from napari_segment_anything.batch.track import track_stack
    from napari_segment_anything.batch.track_jobs import growing, read_tracks_job
    from napari_segment_anything.batch.track_progress import GrownFrame
    from napari_segment_anything.batch.track_start import StartLabels

    stack = request.stack()
    first = request.frames.start
    yield Progress("detect", 0, stack.n_planes)
    locked = tuple(t - first for t in request.locked_frames if t in request.frames)
    start = given = None
    if request.start is not None or locked:
        shape = (*stack.index_shape, *stack.plane_shape)
        data = request.start
        if data is None:
            data = np.broadcast_to(np.zeros((), np.int32), shape[-2:])
        given = LabelPlanes(
            data,
            request.axes,
            request.plane,
            stack.index_axes,
            request.starts,
            shape,
        )
        start = StartLabels(
            given,
            search=request.search,  # type: ignore[arg-type]
            are_tracks=request.are_tracks,
            is_locked=request.is_locked,
            locked_frames=locked,
        )

    def write_plane(index: tuple[int, ...], labels: npt.NDArray[np.integer]) -> None:
        write(stack.index_axes, request.place(stack.index_axes, index), labels)

    job = growing(
        track_stack(
            stack,
            predictor,
            axis=request.along,
            linking=request.words,
            start=start,
            forwards=request.directions[0],
            backwards=request.directions[1],
            intensity_range=request.source.intensity_range(request.plane),
            store=store,
            candidates=candidates,
            # Labels of a long movie do not fit into memory a second time.
            output=ArrayOutput(stack, cast("Any", _WrittenPlanes(write_plane))),
        )
    )
    try:
        while True:
            try:
                progress = next(job)
            except StopIteration as stop:
                result: TrackResult = stop.value
                break
            if isinstance(progress, GrownFrame):
                write_plane(progress.index, progress.labels)
            yield progress
    finally:
        job.close()
    table = result.table.copy()
    for letter, before in request.starts.items():
        table[letter.lower()] += before
    others = result.other_axes
    movies = {}
    for position, lineage in result.lineages.items():
        parents = {t.id: t.parent for t in lineage.tracks if t.parent}
        place = dict(zip(others, position, strict=True))
        position = request.place(others, position)
        frames = movie(request.plane_of(position))
        right: frozenset[Place] = frozenset()
        if given is not None and request.is_locked:
            right = yield from _given_objects(given, place, frames, request)
        movies[position] = yield from read_tracks_job(
            frames, parents, request.frames, right
        )
    for tracks in movies.values():
        tracks.beside = [other for other in movies.values() if other is not tracks]
    doubts = [
        replace(
            doubt,
            frame=doubt.frame + first,
            position=request.place(others, doubt.position),
        )
        for doubt in result.all_doubts
    ]
    scores = MaskScores(table, request.along, others, stack.plane_axes)
    return TimeTracks(request, result, movies, doubts, scores)


def _given_objects(
    given: LabelPlanes,
    place: Mapping[str, int],
    frames: LabelFrames,
    request: TimeRequest,
) -> Generator[Progress, None, frozenset[Place]]:
    """Tell which objects of a movie are those of the labels to start from."""
    found: set[Place] = set()
    for done, frame in enumerate(request.frames):
        yield Progress("read tracks", done, len(request.frames))
        index = {**place, request.along: done}
        plane = given[tuple(index[letter] for letter in given.index_axes)]
        # Their masks are unchanged, but their ids may be others.
        ids = np.unique(np.asarray(frames[frame])[plane > 0])
        found |= {(frame, one) for one in ids[ids > 0].tolist()}
    return frozenset(found)


@dataclass(frozen=True, eq=False)
class _WrittenPlanes:
    """An array that a job writes its labels to, plane by plane."""

    write: Callable[[tuple[int, ...], npt.NDArray[np.integer]], None]

    def __setitem__(
        self, index: tuple[int, ...], labels: npt.NDArray[np.integer]
    ) -> None:
        """Pass the labels of a plane on."""
        self.write(index, labels)
