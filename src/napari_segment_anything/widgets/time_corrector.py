"""Goes through doubts and corrects tracks: what the buttons of the review list do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.readings import Readings, readings_of
from napari_segment_anything.tracking.redraw import owner_of, redraw
from napari_segment_anything.widgets.keys import UNDO_KEY
from napari_segment_anything.widgets.time_history import CorrectionHistory
from napari_segment_anything.widgets.time_narrator import (
    describe_accepted,
    describe_correction,
    describe_painted,
)
from napari_segment_anything.widgets.time_picker import ASKS, TrackPicker
from napari_segment_anything.widgets.time_prompts import TimePrompts
from napari_segment_anything.widgets.time_readings import ReadingLines
from napari_segment_anything.widgets.time_recompute import Recomputation
from napari_segment_anything.widgets.time_shown import ShownMovie
from napari_segment_anything.widgets.time_strokes import StrokeWatch
from napari_segment_anything.widgets.time_tour import DoubtTour
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    from napari.components import ViewerModel

    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.tracking.correction_steps import Correction
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_strokes import Strokes
    from napari_segment_anything.widgets.workbench import Workbench


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
        self._history = CorrectionHistory(self.tour)
        self._recomputation = Recomputation(
            workbench, found, self.tour, self._history, worker
        )
        self._recomputation.said.connect(self.said)
        self._recomputation.changed.connect(self._refresh)
        self._strokes = StrokeWatch(layers, found.request)
        self._strokes.painted.connect(self._on_painted)
        self.shown = ShownMovie(viewer, layers, found)
        self.shown.moved.connect(self._on_moved)
        self.shown.drawn.connect(self.changed)
        self.shown.failed.connect(self.failed)
        self.readings = Readings()
        self.lines = ReadingLines(viewer, layers)
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
        tracks = self.found.movies[doubt.position]
        self._history.carry_out(tracks, lambda: tracks.lock(()))
        # Also where the object is hidden: nobody is to ask again.
        if doubt.track in tracks.tracks:
            tracks.locked = tracks.locked | {(doubt.frame, doubt.track)}
        self._go_on()
        self.said.emit(describe_accepted(doubt))

    def show_readings(self) -> None:
        """Draw both readings of the doubt that is shown."""
        doubt = self.tour.doubt
        self.readings = Readings()
        if doubt is not None and doubt.position == self.shown.position:
            self.readings = readings_of(self.tracks, doubt)
        self.lines.show(self.readings, doubt.frame if doubt else 0, self.shown.frames)

    def take_other(self) -> None:
        """Make the other reading of the doubt that is shown the right one."""
        doubt, steps = self.tour.doubt, self.readings.steps
        if doubt is None or not steps:
            return
        words = self.readings.words
        if self._correct(*(partial(step, self.tracks) for step in steps)):
            self._go_on()
            self.said.emit(f"{words}: done. {UNDO_KEY}: undo.")

    def act(self, name: str) -> None:
        """Do what a button says with the chosen track."""
        if name in ASKS:
            self.picker.ask(name, self.selected)
        else:
            self._do(name, self.selected)

    def draw(self, plane: PlaneId, mask: npt.NDArray[np.bool_]) -> None:
        """Put a mask into the track it belongs to, and compute again around it."""
        frame, tracks = plane.position(self.found.request.along) or 0, self.tracks
        track = owner_of(tracks, frame, mask, self.selected)
        self._viewer.layers.selection.active = self.layers.labels
        if self._correct(lambda: redraw(tracks, track, frame, mask)):
            self.layers.labels.selected_label = track
            self._recomputation.start((frame, track), self.shown.position)

    def recompute(self) -> None:
        """Compute again what depends on the chosen object in this frame."""
        try:
            place = self.shown.frame, self.selected
            self._recomputation.start(place, self.shown.position)
        except SegmentAnythingError as error:
            self.failed.emit(error)

    def undo(self) -> None:
        """Take the last correction back."""
        if self._history.undo():
            self._refresh()
            self.said.emit("The last correction is taken back.")

    def close(self) -> None:
        """Let go of the layer."""
        self.lines.hide()
        self.prompts.close()
        self.picker.close()
        self.shown.close()
        self._strokes.close()
        self.layers.labels.events.selected_label.disconnect(self._on_selected)

    def _on_selected(self) -> None:
        self.changed.emit()

    def _on_moved(self) -> None:
        self.picker.forget()
        self.lines.hide()
        self.changed.emit()

    def _go_on(self) -> None:
        """Take the doubt that is shown from the list, and go to the next one."""
        self.tour.take()
        self.changed.emit()
        self.tour.step(1)

    def _correct(self, *steps: Callable[[], Correction]) -> bool:
        """Carry out corrections that belong together: all of them, or none."""
        try:
            self._history.carry_out(self.tracks, *steps)
        except SegmentAnythingError as error:
            self.failed.emit(error)
            return False
        self._refresh()
        return True

    def _do(self, name: str, track: int, other: int = 0) -> None:
        tracks = self.tracks
        if not self._correct(lambda: _STEPS[name](tracks, self.shown, track, other)):
            return
        self.said.emit(describe_correction(name, self.shown, track, other))
        if name == "join" and track not in tracks.tracks:
            self.layers.labels.selected_label = other

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


_STEPS: dict[str, Callable[[EditableTracks, ShownMovie, int, int], Correction]] = {
    "cut": lambda tracks, shown, track, _: tracks.cut(track, shown.frame),
    "join": lambda tracks, _, track, other: tracks.join_in_order(track, other),
    "divide": lambda tracks, _, track, other: tracks.divide(track, [other]),
    "apart": lambda tracks, _, track, __: tracks.set_apart(track),
    "swap": lambda tracks, shown, track, other: tracks.swap(track, other, shown.frame),
    "remove": lambda tracks, shown, track, _: tracks.remove(track, [shown.frame]),
    "remove_all": lambda tracks, _, track, __: tracks.remove(track),
    "lock": lambda tracks, shown, track, _: tracks.lock([(shown.frame, track)]),
}
