"""Goes through doubts and corrects tracks: what the buttons of the review list do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.widgets.time_actions import TrackAction
from napari_segment_anything.widgets.time_decisions import DoubtDecisions
from napari_segment_anything.widgets.time_history import CorrectionHistory
from napari_segment_anything.widgets.time_narrator import (
    describe_correction,
    describe_painted,
)
from napari_segment_anything.widgets.time_picker import ASKS, TrackPicker
from napari_segment_anything.widgets.time_prompts import TimePrompts
from napari_segment_anything.widgets.time_recompute import Recomputation
from napari_segment_anything.widgets.time_shown import ShownMovie
from napari_segment_anything.widgets.time_sight import DoubtSight
from napari_segment_anything.widgets.time_strokes import StrokeWatch, take_over
from napari_segment_anything.widgets.time_tour import DoubtTour
from napari_segment_anything.widgets.time_words import worded
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.tracking.correction import EditableTracks
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
            self.tour, self._strokes, worker, is_quick=is_quick, done=found.done
        )
        self._history.failed.connect(self._fail)
        self._history.corrected.connect(self._refresh)
        self._recomputation = Recomputation(
            workbench, found, self.tour, self._history, worker
        )
        self._recomputation.said.connect(self._say)
        self._recomputation.changed.connect(self._refresh)
        self._recomputation.drawn.connect(self._on_drawn)
        self.shown = ShownMovie(viewer, layers, found)
        self.shown.moved.connect(self._on_moved)
        self.shown.drawn.connect(self.changed)
        self.shown.failed.connect(self._fail)
        self.sight = DoubtSight(
            viewer, layers, self.shown, self.tour, is_quick=is_quick
        )
        self.sight.changed.connect(self.changed)
        self.sight.failed.connect(self._fail)
        self.decisions = DoubtDecisions(
            found, self.tour, self.sight, self.shown, self._history
        )
        self.decisions.changed.connect(self.changed)
        self.decisions.said.connect(self._say)
        self._history.given_up.connect(self.decisions.show_readings)
        self.picker = TrackPicker(layers.labels)
        self.picker.answered.connect(self._do)
        self.picker.said.connect(self._say)
        self.prompts = TimePrompts(
            viewer, workbench, layers.image, layers.axes, lambda: self.selected
        )
        self.prompts.accepted.connect(self.draw)
        self.prompts.changed.connect(self.changed)
        self.prompts.said.connect(self._say)
        self.prompts.failed.connect(self._fail)
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

    @property
    def has_work(self) -> bool:
        """Whether something that was asked for is still to be done."""
        return self._history.has_work or self.prompts.is_due

    @property
    def handed_over(self) -> TimeTracks:
        """The tracks as they are now, with what is doubtful and what can be undone."""
        done = self._history.done
        return replace(self.found, doubts=self.tour.doubts, done=done)

    def owns(self, layer: Layer | None) -> bool:
        """Whether these tracks, or prompts for them, are seen in a layer."""
        ours = [self.layers.labels, self.layers.tracks]
        if self.prompts.is_open:
            ours += self.prompts.layers.prompts.layers
        # Not `is`: napari hands a dock proxies of layers, which are equal to them.
        return layer is not None and any(layer == one for one in ours)

    def rest(self) -> None:
        """Show nothing of doubts: what was asked for is done, strokes are noticed."""
        self.decisions.rest()
        self.picker.forget()

    def act(self, name: str) -> None:
        """Do what a button says with the chosen track."""
        if name in ASKS:
            self.picker.ask(name, self.selected)
        else:
            self._do(name, self.selected)

    def draw(
        self, plane: PlaneId, mask: npt.NDArray[np.bool_], chosen: int = 0
    ) -> None:
        """Put a mask (H, W) into its track, or the one chosen then; compute again."""
        place = plane.position(self.found.request.along) or 0, chosen
        if not self.prompts.is_open:
            self._viewer.layers.selection.active = self.layers.labels
        self._recomputation.draw(place, self.shown.position_of(plane), mask)

    def recompute(self) -> None:
        """Compute again what depends on the chosen object in this frame."""
        try:
            place = self.shown.frame, self.selected
            self._recomputation.start(place, self.shown.position)
        except SegmentAnythingError as error:
            self._fail(error)

    def undo(self) -> None:
        """Take the last correction back."""
        self._history.undo(then=partial(self._say, "The last correction is undone."))

    def close(self) -> None:
        """Let go of the layer; what still waits is not done any more."""
        self.sight.close()
        self.prompts.close()
        self.picker.close()
        self.shown.close()
        self._history.close()
        self._strokes.close()
        self.layers.labels.events.selected_label.disconnect(self._on_selected)

    def _say(self, text: str) -> None:
        self.said.emit(worded(text, self.found.request.along))

    def _fail(self, error: Exception) -> None:
        if isinstance(error, InvalidCorrectionError):
            words = worded(str(error), self.found.request.along)
            error = InvalidCorrectionError(words)
        self.failed.emit(error)

    def _on_selected(self) -> None:
        self.changed.emit()

    def _on_moved(self) -> None:
        self.picker.forget()
        self.sight.hide()
        self.changed.emit()

    def _do(self, name: str, track: int, other: int = 0) -> None:
        tracks = self.tracks
        action = TrackAction(name, track, other, self.shown.single_frame)

        def told() -> None:
            self._say(describe_correction(action, tracks))
            if name == "join" and track not in tracks.tracks:
                self.layers.labels.selected_label = other

        self._history.carry_out(tracks, action.step, then=told)

    def _on_drawn(self, track: int) -> None:
        # Another outline may be under way, for the track that is chosen.
        if not self.prompts.is_open:
            self.layers.labels.selected_label = track

    def _on_painted(self, strokes: Strokes) -> None:
        if undo := take_over(self.found.movies, strokes):
            self._history.note(undo)
            self.shown.redraw()
            self.changed.emit()
            self._say(describe_painted(strokes))

    def _refresh(self) -> None:
        self.tour.at = min(self.tour.at, len(self.tour.doubts) - 1)
        self.decisions.show_readings()
        self.layers.labels.refresh()
        self.shown.redraw()
        self.changed.emit()


def _are_quick(labels: Any) -> bool:
    """Whether labels are changed faster than a person notices."""
    return isinstance(labels, np.ndarray) and labels.nbytes <= _MOST_QUICK_BYTES
