"""What the dock *Time* computes again around a corrected object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.tracking.redraw import owner_of, redraw
from napari_segment_anything.widgets.time_narrator import (
    BUSY,
    describe_overtaken,
    describe_recomputed,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import numpy as np
    import numpy.typing as npt

    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Correction, Place
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.widgets.time_history import CorrectionHistory
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_tour import DoubtTour
    from napari_segment_anything.widgets.workbench import Workbench
    from napari_segment_anything.widgets.workers import JobWorker


def recompute_around(
    place: Place,
    position: Position,
    found: TimeTracks,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, Recomputed]:
    """Compute again what depends on an object, with the settings of its movie."""
    from napari_segment_anything.batch.track_jobs import recompute_job

    request, result = found.request, found.result
    plane, tracks = request.plane_of(position), found.movies[position]
    stack = request.source.stack(plane)
    fixed = dict(plane.index)
    indices = [
        tuple({**fixed, request.along: t}[a] for a in stack.index_axes)
        for t in range(tracks.n_frames)
    ]
    # Estimating the range of intensities may read planes: not before it is driven.
    return (
        yield from recompute_job(
            stack,
            indices,
            predictor,
            store,
            tracks,
            place,
            intensity_range=request.source.intensity_range(plane),
            settings=None if result is None else result.settings,
            linking=found.linking,
            locked_frames=request.locked_frames,
            # Tracks that were loaded may lie anywhere.
            followed=None if result is None else request.frames,
        )
    )


@dataclass(frozen=True, eq=False)
class TracksBefore:
    """Tracks as they were when something began to be computed from them.

    A person may go on meanwhile, and what was painted or locked since comes first.
    """

    tracks: EditableTracks
    n_changes: Mapping[int, int]
    parents: Mapping[int, int]
    locked: frozenset[Place]

    @classmethod
    def of(cls, tracks: EditableTracks) -> TracksBefore:
        """Note how tracks are now."""
        n_changes = {t: tracks.n_changes(t) for t in range(tracks.n_frames)}
        return cls(tracks, n_changes, dict(tracks.parents), tracks.locked)

    def fit(self, done: Recomputed) -> bool:
        """Whether what was computed still belongs to the tracks."""
        tracks = self.tracks
        return (
            all(tracks.n_changes(t) == self.n_changes[t] for t in done.frames)
            and tracks.parents == self.parents
            and not (tracks.locked - self.locked) & done.touched
        )

    def correction(self, done: Recomputed) -> Correction:
        """Return what was computed, with the locks of now."""
        return replace(done.correction, locked=self.tracks.locked)


class Recomputation(QObject):
    """Computes again what depends on a corrected object, in the background.

    Parameters
    ----------
    workbench : Workbench
        Model and embeddings.
    found : TimeTracks
        The tracks.
    tour : DoubtTour
        The review list; it is renewed.
    history : CorrectionHistory
        Carries out what was computed.
    worker : JobWorker
        Runs it.
    """

    drawn = Signal(int)
    """A mask was put into this track."""

    changed = Signal()
    said = Signal(str)

    def __init__(
        self,
        workbench: Workbench,
        found: TimeTracks,
        tour: DoubtTour,
        history: CorrectionHistory,
        worker: JobWorker,
    ) -> None:
        super().__init__()
        self._bench, self._found, self._worker = workbench, found, worker
        self._tour, self._history = tour, history

    def draw(
        self, place: Place, position: Position, mask: npt.NDArray[np.bool_]
    ) -> None:
        """Put a mask into the track it belongs to, and compute again around it.

        Parameters
        ----------
        place : (frame, id)
            Where the mask is, and the track that is chosen; 0 for none.
        position : tuple of int
            The movie.
        mask : (H, W) bool array
            The object.
        """
        (frame, chosen), owners = place, list[int]()

        def step(tracks: EditableTracks) -> Correction:
            owners.append(owner_of(tracks, frame, mask, chosen))
            return redraw(tracks, owners[-1], frame, mask)

        def go_on() -> None:
            self.drawn.emit(owners[-1])
            self.start((frame, owners[-1]), position)

        self._history.carry_out(self._found.movies[position], step, then=go_on)

    def start(self, place: Place, position: Position) -> None:
        """Lock an object of a movie, and compute again what depends on it."""
        if (model := self._bench.model) is None:
            return
        if self._worker.is_busy:
            self.said.emit(BUSY)
            return
        tracks = self._found.movies[position]
        if place not in tracks.locked:
            self._history.note([(tracks, tracks.apply(tracks.lock([place])))])
            self.changed.emit()
        done = partial(self._on_done, place, position, TracksBefore.of(tracks))
        job = recompute_around(
            place, position, self._found, model.predictor, self._bench.store
        )
        self._worker.start(job, done)

    def _on_done(
        self, place: Place, position: Position, before: TracksBefore, done: Recomputed
    ) -> None:
        if not before.fit(done):
            self.said.emit(describe_overtaken(place))
            return

        def told() -> None:
            self._tour.renew(done, position)
            self.said.emit(describe_recomputed(place, done))

        # The worker is free now, and goes on with nothing else before this.
        correction = before.correction(done)
        self._history.carry_out(before.tracks, lambda _: correction, then=told)
