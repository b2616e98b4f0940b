"""Tracks that no dock reviews yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QObject

from napari_segment_anything.widgets.time_history import Done
from napari_segment_anything.widgets.time_shown import ShownMovie
from napari_segment_anything.widgets.time_strokes import StrokeWatch, take_over

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_strokes import Strokes


class Offer(Protocol):
    """Tracks that a dock may take to review them."""

    @property
    def is_ready(self) -> bool:
        """Whether they can be taken now."""

    def take(self) -> tuple[TimeLayers, TimeTracks] | None:
        """Hand the tracks over; None if they are gone."""


class OfferedTracks(QObject):
    """Draws the paths of tracks, and notes strokes, until a dock takes them.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are seen.
    layers : TimeLayers
        Their layers; once somebody has removed the labels there is nothing to review.
    found : TimeTracks
        The tracks.
    """

    is_ready = True

    def __init__(
        self, viewer: ViewerModel, layers: TimeLayers, found: TimeTracks
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._content: tuple[TimeLayers, TimeTracks] | None = layers, found
        self._shown = ShownMovie(viewer, layers, found)
        self._strokes = StrokeWatch(layers, found.request)
        self._strokes.painted.connect(self._on_painted)
        viewer.layers.events.removed.connect(self._on_removed)
        self._shown.redraw()

    @property
    def is_busy(self) -> bool:
        """Whether paths are being looked up."""
        return self._content is not None and self._shown.is_busy

    def take(self) -> tuple[TimeLayers, TimeTracks] | None:
        """Hand the tracks over, and draw them no more; None if they are gone."""
        if self._content is None:
            return None
        # What was painted last is noted, too.
        self._strokes.close()
        content = self._content
        self._let_go()
        return content

    def _let_go(self) -> None:
        self._shown.close()
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._content = None

    def _on_painted(self, strokes: Strokes) -> None:
        if self._content is None:
            return
        layers, found = self._content
        if undo := take_over(found.movies, strokes):
            done = (*found.done, Done(undo, list(found.doubts), -1))
            self._content = layers, replace(found, done=done)
            self._shown.redraw()

    def _on_removed(self) -> None:
        if self._content is not None and not self._content[0].is_there:
            self._strokes.close()
            self._let_go()
