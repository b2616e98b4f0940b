"""Which movie of an image is shown, and its paths as a Tracks layer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.widgets.plane import displayed_plane
from napari_segment_anything.widgets.time_words import NO_FRAME
from napari_segment_anything.widgets.track_points import track_points
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.widgets.time_layers import MovieFrames, TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.track_points import FramePoints


class ShownMovie(QObject):
    """Follows the sliders from one movie of an image to another.

    Parameters
    ----------
    viewer : ViewerModel
        Whose sliders are watched.
    layers : TimeLayers
        Where the tracks are seen.
    found : TimeTracks
        The tracks of all movies.
    """

    moved = Signal()
    """Another movie is shown."""

    drawn = Signal()
    """Paths are drawn anew."""

    failed = Signal(object)

    def __init__(
        self, viewer: ViewerModel, layers: TimeLayers, found: TimeTracks
    ) -> None:
        super().__init__()
        self._viewer, self._layers, self._found = viewer, layers, found
        self.position = found.request.position_of(found.request.plane)
        # Sliders may have moved since the movie was asked for.
        if (plane := self._plane) is not None:
            self.position = self.position_of(plane)
        self._known: dict[tuple[Position, int], FramePoints] = {}
        self.repairs: tuple[tuple[int, int, str, float], ...] = ()
        self._drawer = LatestWorker(self)
        self._drawer.finished.connect(self._draw)
        self._drawer.failed.connect(self.failed)
        viewer.dims.events.current_step.connect(self._on_dims)

    @property
    def is_busy(self) -> bool:
        """Whether paths are being looked up."""
        return self._drawer.is_busy

    @property
    def tracks(self) -> EditableTracks:
        """Tracks of the movie that is shown."""
        return self._found.movies[self.position]

    def position_of(self, plane: PlaneId) -> Position:
        """Return which movie a plane belongs to, the one shown where it is in none."""
        position = self._found.request.position_of(plane)
        return position if position in self._found.movies else self.position

    @property
    def frames(self) -> MovieFrames:
        """Label images of the movie that is shown."""
        request = self._found.request
        return self._layers.movie(request.plane_of(self.position), request.along)

    @property
    def single_frame(self) -> int | None:
        """Frame that is shown; None where it is no single one."""
        if (plane := self._plane) is None:
            return None
        return plane.position(self._found.request.along) or 0

    @property
    def frame(self) -> int:
        """Frame that is shown.

        Raises
        ------
        InvalidCorrectionError
            If no single frame is shown.
        """
        if (frame := self.single_frame) is None:
            raise InvalidCorrectionError(NO_FRAME)
        return frame

    def redraw(self) -> None:
        """Draw the paths of all tracks anew."""
        found = self._found
        job = partial(
            track_points, self.tracks, found.scores, self.position, self._known
        )
        self._drawer.submit(job)

    def close(self) -> None:
        """Let go of the viewer."""
        self._drawer.close()
        self._viewer.dims.events.current_step.disconnect(self._on_dims)

    @property
    def _plane(self) -> PlaneId | None:
        return displayed_plane(self._viewer, self._layers.labels, self._layers.axes)

    def _on_dims(self) -> None:
        if (plane := self._plane) is None:
            return
        position = self.position_of(plane)
        if position != self.position:
            self.position = position
            self.redraw()
            self.moved.emit()

    def _draw(self, points: Any) -> None:
        if self._layers.is_there:
            self._layers.show_tracks(points, self.frames)
            self.repairs = points.repairs
            self.drawn.emit()
