"""Goes through doubts and corrects tracks: what the buttons of the review list do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.widgets.keys import UNDO_KEY
from napari_segment_anything.widgets.time_actions import TrackAction
from napari_segment_anything.widgets.time_history import CorrectionHistory
from napari_segment_anything.widgets.time_narrator import (
    BUSY,
    describe_accepted,
    describe_correction,
    describe_painted,
)
from napari_segment_anything.widgets.time_picker import ASKS, TrackPicker
from napari_segment_anything.widgets.time_prompts import TimePrompts
from napari_segment_anything.widgets.time_recompute import Recomputation
from napari_segment_anything.widgets.time_shown import ShownMovie
from napari_segment_anything.widgets.time_sight import DoubtSight
from napari_segment_anything.widgets.time_strokes import StrokeWatch
from napari_segment_anything.widgets.time_tour import DoubtTour
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel

    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_strokes import Strokes
    from napari_segment_anything.widgets.workbench import Workbench

# Labels in memory that are no more are corrected before the next picture is drawn.
_MOST_QUICK_BYTES = 2**26


class TimeCorrector(QObject):
    """Tracks of an image under review; corrections are of the movie that is shown.

    Parameters
    ----------
    viewer : ViewerModel
        Where sliders and camera are moved.
    workbench : Workbench
        Model and embeddings, for what is computed again.
    layers : TimeLayers
        Where the tracks are seen.
    found : TimeTracks
        The tracks.
    worker : JobWorker
        Runs what is computed again.
    """

    changed = Signal()
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        viewer: ViewerModel,
        workbench: Workbench,
        layers: TimeLayers,
        found: TimeTracks,
        worker: JobWorker,
    ) -> None:
        super().__init__()
        self.layers, self.found = layers, found
        self.tour = DoubtTour(viewer, layers, found)
        self._viewer = viewer
        self._strokes = StrokeWatch(layers, found.request)
        self._strokes.painted.connect(self._on_painted)
        is_quick = _are_quick(layers.labels.data)
        self._history = CorrectionHistory(
            self.tour, self._strokes, worker, is_quick=is_quick
        )
        self._history.failed.connect(self.failed)
        self._history.corrected.connect(self._refresh)
        self._history.given_up.connect(self.show_readings)
        self._recomputation = Recomputation(
            workbench, found, self.tour, self._history, worker
        )
        self._recomputation.said.connect(self.said)
        self._recomputation.changed.connect(self._refresh)
        self._recomputation.drawn.connect(self._on_drawn)
        self.shown = ShownMovie(viewer, layers, found)
        self.shown.moved.connect(self._on_moved)
        self.shown.drawn.connect(self.changed)
        self.shown.failed.connect(self.failed)
        self.sight = DoubtSight(
            viewer, layers, self.shown, self.tour, is_quick=is_quick
        )
        self.sight.changed.connect(self.changed)
        self.sight.failed.connect(self.failed)
        self.picker = TrackPicker(layers.labels)
        self.picker.answered.connect(self._do)
        self.picker.said.connect(self.said)
        self.prompts = TimePrompts(viewer, workbench, layers.image, layers.axes)
        self.prompts.accepted.connect(self.draw)
        self.prompts.changed.connect(self.changed)
        self.prompts.said.connect(self.said)
        self.prompts.failed.connect(self.failed)
        layers.labels.events.selected_label.connect(self._on_selected)
        self.shown.redraw()

    @property
    def tracks(self) -> EditableTracks:
        """Tracks of the movie that is shown."""
        return self.shown.tracks

    @property
    def selected(self) -> int:
        """Track that is corrected; 0 for none."""
        track = int(self.layers.labels.selected_label)
        return track if track in self.tracks.tracks else 0

    @property
    def can_undo(self) -> bool:
        """Whether there is a correction to take back."""
        return len(self._history) > 0

    def accept(self) -> None:
        """Take the doubt that is shown from the list: it is right, and locked."""
        if (doubt := self.tour.doubt) is None:
            return
        if self._history.is_busy:
            self.said.emit(BUSY)
            return
        tracks = self.found.movies[doubt.position]
        self._history.note([(tracks, tracks.apply(tracks.lock(())))])
        # Also where the object is hidden: nobody is to ask again.
        if doubt.track in tracks.tracks:
            tracks.locked = tracks.locked | {(doubt.frame, doubt.track)}
        self._go_on(doubt, describe_accepted(doubt))

    def show_readings(self) -> None:
        """Look at both readings of the doubt that is shown, and draw them."""
        # Of labels that are being changed nothing is right.
        if self._history.is_busy:
            self.sight.hide()
        else:
            self.sight.show()

    def take_other(self) -> None:
        """Make the other reading of the doubt that is shown the right one."""
        doubt, other = self.tour.doubt, self.sight.readings
        if doubt is None or not other.steps:
            return
        words = f"{other.words}: done. {UNDO_KEY}: undo."
        told = partial(self._go_on, doubt, words)
        self._history.carry_out(self.tracks, *other.steps, then=told)

    def act(self, name: str) -> None:
        """Do what a button says with the chosen track."""
        if name in ASKS:
            self.picker.ask(name, self.selected)
        else:
            self._do(name, self.selected)

    def draw(self, plane: PlaneId, mask: npt.NDArray[np.bool_]) -> None:
        """Put a mask into the track it belongs to, and compute again around it."""
        frame = plane.position(self.found.request.along) or 0
        self._viewer.layers.selection.active = self.layers.labels
        self._recomputation.draw((frame, self.selected), self.shown.position, mask)

    def recompute(self) -> None:
        """Compute again what depends on the chosen object in this frame."""
        try:
            place = self.shown.frame, self.selected
            self._recomputation.start(place, self.shown.position)
        except SegmentAnythingError as error:
            self.failed.emit(error)

    def undo(self) -> None:
        """Take the last correction back."""
        words = "The last correction is taken back."
        self._history.undo(then=partial(self.said.emit, words))

    def close(self) -> None:
        """Let go of the layer."""
        self.sight.close()
        self.prompts.close()
        self.picker.close()
        self.shown.close()
        self._history.close()
        self._strokes.close()
        self.layers.labels.events.selected_label.disconnect(self._on_selected)

    def _on_selected(self) -> None:
        self.changed.emit()

    def _on_moved(self) -> None:
        self.picker.forget()
        self.sight.hide()
        self.changed.emit()

    def _go_on(self, doubt: Doubt, words: str) -> None:
        """Take a doubt from the list; from the one that is shown go to the next one."""
        is_shown = self.tour.doubt is doubt
        self.tour.take(doubt)
        if is_shown:
            self.tour.step(1)
        self.show_readings()
        self.changed.emit()
        self.said.emit(words)

    def _do(self, name: str, track: int, other: int = 0) -> None:
        tracks = self.tracks
        action = TrackAction(name, track, other, self.shown.single_frame)

        def told() -> None:
            self.said.emit(describe_correction(action, tracks))
            if name == "join" and track not in tracks.tracks:
                self.layers.labels.selected_label = other

        self._history.carry_out(tracks, action.step, then=told)

    def _on_drawn(self, track: int) -> None:
        self.layers.labels.selected_label = track

    def _on_painted(self, strokes: Strokes) -> None:
        movies = self.found.movies
        ours = [(movies[at], of_it) for at, of_it in strokes.items() if at in movies]
        if ours:
            self._history.note([(one, one.take_over(of_it)) for one, of_it in ours])
            self.shown.redraw()
            self.changed.emit()
            self.said.emit(describe_painted(strokes))

    def _refresh(self) -> None:
        self.tour.at = min(self.tour.at, len(self.tour.doubts) - 1)
        self.show_readings()
        self.layers.labels.refresh()
        self.shown.redraw()
        self.changed.emit()


def _are_quick(labels: Any) -> bool:
    """Whether labels are changed faster than a person notices."""
    return isinstance(labels, np.ndarray) and labels.nbytes <= _MOST_QUICK_BYTES
