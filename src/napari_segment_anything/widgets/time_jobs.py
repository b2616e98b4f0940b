"""What the dock *Time* asks of the batch room: one request, one generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.errors import InvalidImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy.typing as npt

    from napari_segment_anything.batch.track_result import TrackResult
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.candidate_store import CandidateStore
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import LabelFrames
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.tracking.settings import LinkingSettings
    from napari_segment_anything.tracking.words import MotionWords

    WritePlane = Callable[[str, tuple[int, ...], npt.NDArray[np.integer]], None]


@dataclass(frozen=True, eq=False)
class LabelPlanes:
    """A labels layer as planes in the order of a stack, (*index axes, H, W).

    Parameters
    ----------
    data : array
        Of the layer: all planes of the image, or a single one.
    axes : str
        Axes of the image.
    plane : PlaneId
        The plane that is shown; a single plane of labels belongs there.
    index_axes : str
        Axes that number the planes.
    starts : mapping of str to int
        Where the stack begins along each of them.
    shape : tuple of int
        Of the stack's planes.

    Raises
    ------
    InvalidImageError
        If the labels do not fit the image.
    """

    data: Any
    axes: str
    plane: PlaneId
    index_axes: str
    starts: dict[str, int]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        n = len(self.data.shape)
        if n not in (2, len(self._letters), len(self.axes)):
            raise InvalidImageError(
                f"The labels to start from have {n} dimensions, but the image has "
                f"{len(self.axes)}; choose labels of this image, or of one plane."
            )

    @property
    def dtype(self) -> Any:
        """Type of the ids."""
        return self.data.dtype

    @property
    def _letters(self) -> str:
        is_whole = len(self.data.shape) == len(self.axes)
        return self.axes if is_whole else self.axes.replace("C", "")

    def __getitem__(self, index: tuple[int, ...]) -> npt.NDArray[np.integer]:
        """Labels of one plane of the stack."""
        place = {
            letter: n + self.starts.get(letter, 0)
            for letter, n in zip(self.index_axes, index, strict=True)
        }
        if len(self.data.shape) == 2:
            is_shown = all(self.plane.position(a) == n for a, n in place.items())
            plane = np.asarray(self.data)
            return plane if is_shown else np.zeros_like(plane)
        key = tuple(
            slice(None) if a in self.plane.plane_axes else place.get(a, 0)
            for a in self._letters
        )
        return np.asarray(self.data[key])


@dataclass(frozen=True, eq=False)
class TimeRequest:
    """All that a tracking job of the dock depends on.

    Parameters
    ----------
    source : PlaneSource
        The image.
    plane : PlaneId
        The plane that was shown; says which channel and which movie is looked at.
    axes : str
        Axes of the image.
    along : str
        Axis to follow objects along.
    frames : range
        Positions on it.
    words : MotionWords
        How objects move.
    directions : (bool, bool)
        Whether tracks are carried on forwards, and backwards.
    start : array or None
        Labels to start from.
    search, are_tracks, is_locked
        See `StartLabels`.
    locked_frames : tuple of int
        Positions along the axis in which nothing is changed.
    """

    source: PlaneSource
    plane: PlaneId
    axes: str
    along: str
    frames: range
    words: MotionWords
    directions: tuple[bool, bool] = (True, True)
    start: Any = None
    search: str = "everything"
    are_tracks: bool = False
    is_locked: bool = True
    locked_frames: tuple[int, ...] = ()

    def only(self, frames: range) -> TimeRequest:
        """Return the same for other frames of the movie that is shown."""
        from dataclasses import replace

        return replace(self, frames=frames)


@dataclass(frozen=True, eq=False)
class TimeTracks:
    """What a job found, ready to be reviewed and corrected.

    Parameters
    ----------
    request : TimeRequest
        What was asked for.
    result : TrackResult or None
        Of all movies; None for tracks that were loaded.
    tracks : EditableTracks
        Of the movie that was shown.
    doubts : list of Doubt
        Of that movie, with positions in the image.
    """

    request: TimeRequest
    result: TrackResult | None
    tracks: EditableTracks
    doubts: list[Doubt]

    @property
    def linking(self) -> LinkingSettings | None:
        """How objects were thought to move."""
        return None if self.result is None else next(iter(self.result.linking.values()))


def time_job(
    request: TimeRequest,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    candidates: CandidateStore | None,
    write: WritePlane,
    movie: LabelFrames,
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
    movie : LabelFrames
        The frames that `write` has written, of the movie that was shown.
    """
    from dataclasses import replace

    from napari_segment_anything.batch.track import track_stack
    from napari_segment_anything.batch.track_jobs import (
        GrownFrame,
        growing,
        read_tracks_job,
    )
    from napari_segment_anything.batch.track_start import StartLabels

    whole = request.source.stack(request.plane)
    first = request.frames.start
    part = slice(first, request.frames.stop)
    stack = whole.select(**{request.along: part})
    yield Progress("detect", 0, stack.n_planes)
    locked = tuple(t - first for t in request.locked_frames if t in request.frames)
    start = None
    if request.start is not None or locked:
        shape = (*stack.index_shape, *stack.plane_shape)
        data = request.start
        if data is None:
            data = np.broadcast_to(np.zeros((), np.int32), shape[-2:])
        planes = LabelPlanes(
            data,
            request.axes,
            request.plane,
            stack.index_axes,
            {request.along: first},
            shape,
        )
        start = StartLabels(
            planes,
            search=request.search,  # type: ignore[arg-type]
            are_tracks=request.are_tracks,
            is_locked=request.is_locked,
            locked_frames=locked,
        )

    def place(index: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            n + first if letter == request.along else n
            for letter, n in zip(stack.index_axes, index, strict=True)
        )

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
                write(stack.index_axes, place(progress.index), progress.labels)
            yield progress
    finally:
        job.close()
    labels = np.asarray(result.labels)
    for index in stack.indices():
        write(stack.index_axes, place(index), labels[index])
    parents = {
        track.id: track.parent
        for lineage in result.lineages.values()
        for track in lineage.tracks
        if track.parent
    }
    tracks = yield from read_tracks_job(movie, parents)
    shown = tuple(
        request.plane.position(letter) or 0
        for letter in stack.index_axes
        if letter != request.along
    )
    doubts = [
        replace(doubt, frame=doubt.frame + first)
        for doubt in result.doubts.get(shown, ())
    ]
    return TimeTracks(request, result, tracks, doubts)
