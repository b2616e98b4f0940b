"""Tracks that no dock reviews yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_segment_anything.widgets.time_shown import ShownMovie

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks


class OfferedTracks(QObject):
    """Draws the paths of tracks until a dock takes them to be reviewed.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are seen.
    layers : TimeLayers
        Their layers; once somebody has removed the labels there is nothing to review.
    found : TimeTracks
        The tracks.
    """

    def __init__(
        self, viewer: ViewerModel, layers: TimeLayers, found: TimeTracks
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._content: tuple[TimeLayers, TimeTracks] | None = layers, found
        self._shown: ShownMovie | None = ShownMovie(viewer, layers, found)
        viewer.layers.events.removed.connect(self._on_removed)
        self._shown.redraw()

    @property
    def is_busy(self) -> bool:
        """Whether paths are being looked up."""
        return self._shown is not None and self._shown.is_busy

    def take(self) -> tuple[TimeLayers, TimeTracks] | None:
        """Hand the tracks over, and draw them no more; None if they are gone."""
        content = self._content
        self.close()
        return content

    def close(self) -> None:
        """Let go of the viewer and the tracks."""
        if self._shown is not None:
            self._shown.close()
            self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._content = self._shown = None

    def _on_removed(self) -> None:
        if self._content is not None and not self._content[0].is_there:
            self.close()
