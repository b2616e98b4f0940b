"""Clicks on tracked objects: choose a track, or answer which other one is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from napari.layers import Labels

ASKS = {
    "join": "Click the track that goes on with track {}.",
    "divide": "Click a daughter of track {}.",
    "swap": "Click the track that track {} is confused with.",
}


class TrackPicker(QObject):
    """Hears clicks on the labels of tracks.

    Parameters
    ----------
    labels : Labels
        Where tracks are seen; its selected label is the chosen track.
    """

    answered = Signal(str, int, int)
    """What is to be done, with which track, and which other one."""

    said = Signal(str)

    def __init__(self, labels: Labels) -> None:
        super().__init__()
        self._labels = labels
        self._asking: tuple[str, int] | None = None
        labels.mouse_drag_callbacks.append(self._on_click)

    def ask(self, name: str, track: int) -> None:
        """Take the next click for the other track of a correction in `ASKS`."""
        self._asking = (name, track)
        self.said.emit(ASKS[name].format(track))

    def forget(self) -> None:
        """Ask for no other track any more."""
        self._asking = None

    def pick(self, track: int) -> None:
        """Choose a track, or answer which other one a correction is about."""
        if self._asking is None:
            self._labels.selected_label = track
            return
        (name, first), self._asking = self._asking, None
        self.answered.emit(name, first, track)

    def close(self) -> None:
        """Let go of the layer."""
        self._labels.mouse_drag_callbacks.remove(self._on_click)

    def _on_click(self, layer: Any, event: Any) -> None:
        value = layer.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        if layer.mode == "pan_zoom" and value:
            self.pick(int(value))
