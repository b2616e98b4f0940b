"""Goes through doubts and corrects tracks: what the buttons of the review list do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.tracking.readings import Readings, readings_of
from napari_segment_anything.widgets.plane import displayed_plane
from napari_segment_anything.widgets.time_history import CorrectionHistory
from napari_segment_anything.widgets.time_layers import track_points
from napari_segment_anything.widgets.time_readings import ReadingLines
from napari_segment_anything.widgets.time_recompute import (
    describe_recomputed,
    recompute_around,
)
from napari_segment_anything.widgets.time_strokes import StrokeWatch
from napari_segment_anything.widgets.time_tour import DoubtTour
from napari_segment_anything.widgets.workers import JobWorker, LatestWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Correction
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.widgets.time_jobs import TimeTracks
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.workbench import Workbench

_ASKS = {
    "join": "Click the track that goes on with track {}.",
    "divide": "Click a daughter of track {}.",
    "swap": "Click the track that track {} is confused with.",
}


class TimeCorrector(QObject):
    """Tracks of one movie under review.

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
        self.tracks = found.tracks
        self.tour = DoubtTour(viewer, layers, found)
        self._viewer, self._bench, self._worker = viewer, workbench, worker
        self._history = CorrectionHistory(self.tracks, self.tour)
        self._asking: tuple[str, int] | None = None
        self._strokes = StrokeWatch(layers, found.request.along)
        self._strokes.painted.connect(self._on_painted)
        self._drawer = LatestWorker(self)
        self._drawer.finished.connect(self._draw)
        self._drawer.failed.connect(self.failed)
        self.movie = layers.movie(found.request.plane, found.request.along)
        self.readings = Readings()
        self.lines = ReadingLines(viewer, layers, self.movie)
        layer = layers.labels
        layer.mouse_drag_callbacks.append(self._on_click)
        layer.events.selected_label.connect(self._on_selected)
        self._redraw()

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
    def frame(self) -> int:
        """Frame that is shown."""
        plane = displayed_plane(self._viewer, self.layers.labels, self.layers.axes)
        if plane is None:
            raise InvalidCorrectionError("Show one frame in 2-D, then correct it.")
        return plane.position(self.found.request.along) or 0

    def accept(self) -> None:
        """Take the doubt that is shown from the list: it is right, and locked."""
        if self.tour.accept():
            self.changed.emit()
            self.tour.step(1)

    def show_readings(self) -> None:
        """Draw both readings of the doubt that is shown."""
        doubt = self.tour.doubt
        self.readings = readings_of(self.tracks, doubt) if doubt else Readings()
        self.lines.show(self.readings, doubt.frame if doubt else 0)

    def take_other(self) -> None:
        """Make the other reading of the doubt that is shown the right one."""
        doubt, steps = self.tour.doubt, self.readings.steps
        if doubt is None or not steps:
            return
        if self._correct(*(partial(step, self.tracks) for step in steps)):
            self.tour.take()
            self.changed.emit()
            self.tour.step(1)

    def act(self, name: str) -> None:
        """Do what a button says with the chosen track."""
        track, tracks = self.selected, self.tracks
        if name in _ASKS:
            self._asking = (name, track)
            self.said.emit(_ASKS[name].format(track))
            return
        steps: dict[str, Callable[[], Correction]] = {
            "cut": lambda: tracks.cut(track, self.frame),
            "apart": lambda: tracks.set_apart(track),
            "remove": lambda: tracks.remove(track, [self.frame]),
            "remove_all": lambda: tracks.remove(track),
            "lock": lambda: tracks.lock([(self.frame, track)]),
        }
        self._correct(steps[name])

    def recompute(self) -> None:
        """Compute again what depends on the chosen object in this frame."""
        try:
            place = (self.frame, self.selected)
        except SegmentAnythingError as error:
            self.failed.emit(error)
            return
        if (model := self._bench.model) is None:
            return
        self.tracks.locked = self.tracks.locked | {place}
        job = recompute_around(place, self.found, model.predictor, self._bench.store)
        if not self._worker.start(job, self._on_recomputed):
            self.said.emit("Something else is running; wait for it or cancel it.")

    def undo(self) -> None:
        """Take the last correction back."""
        if self._history.undo():
            self._refresh()

    def close(self) -> None:
        """Let go of the layer."""
        self.lines.hide()
        self._drawer.close()
        self._strokes.close()
        layer = self.layers.labels
        layer.mouse_drag_callbacks.remove(self._on_click)
        layer.events.selected_label.disconnect(self._on_selected)

    def _on_recomputed(self, done: Recomputed) -> None:
        self._history.carry_out(lambda: done.correction)
        self.tour.renew(done.doubts, set(done.frames[1:-1]))
        self.said.emit(describe_recomputed(done))
        self._refresh()

    def _correct(self, *steps: Callable[[], Correction]) -> bool:
        """Carry out corrections that belong together: all of them, or none."""
        try:
            self._history.carry_out(*steps)
        except SegmentAnythingError as error:
            self.failed.emit(error)
            return False
        self._refresh()
        return True

    def _on_click(self, layer: Any, event: Any) -> None:
        value = layer.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        if layer.mode != "pan_zoom" or not value:
            return
        self.pick(int(value))

    def pick(self, track: int) -> None:
        """Choose a track, or answer which other one a correction is about."""
        if self._asking is None:
            self.layers.labels.selected_label = track
            return
        (name, first), self._asking = self._asking, None
        tracks = self.tracks
        if name == "divide":
            self._correct(partial(tracks.divide, first, [track]))
        elif name == "swap":
            self._correct(lambda: tracks.swap(first, track, self.frame))
        else:
            self._correct(partial(joined, tracks, first, track))

    def _on_selected(self) -> None:
        self.changed.emit()

    def _on_painted(self, places: frozenset[tuple[int, int]]) -> None:
        for frame in {frame for frame, _ in places}:
            self.tracks.note_painting(frame)
        drawn = frozenset(place for place in places if place[1])
        self.tracks.locked = self.tracks.locked | drawn
        self.changed.emit()

    def _refresh(self) -> None:
        self.tour.at = min(self.tour.at, len(self.tour.doubts) - 1)
        self.show_readings()
        self.layers.labels.refresh()
        self._redraw()
        self.changed.emit()

    def _redraw(self) -> None:
        self._drawer.submit(partial(track_points, self.tracks))

    def _draw(self, points: Any) -> None:
        if self.layers.is_there:
            self.layers.show_tracks(points, self.movie)


def describe_track(tracks: EditableTracks, track: int) -> str:
    """Say which track is chosen; 0 is none."""
    if not track:
        return "Click an object to correct its track."
    frames = tracks.frames_of(track)
    words = f"Track {track}, frames {frames[0]} to {frames[-1]}"
    if parent := tracks.parents.get(track):
        words += f", from track {parent}"
    if children := tracks.children(track):
        words += f", divides into {' and '.join(map(str, children))}"
    n_locked = sum(one == track for _, one in tracks.locked)
    return f"{words}, locked in {n_locked} frames." if n_locked else f"{words}."


def joined(tracks: EditableTracks, one: int, other: int) -> Correction:
    """Join two tracks, whichever comes first."""
    pair = sorted((one, other), key=lambda track: tracks.frames_of(track)[0])
    return tracks.join(*pair)
