"""Clicks on tracked objects: choose a track, or answer which other one is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from napari.layers import Labels, Tracks

ASKS = {
    "join": "Click the track that goes on with track {}.",
    "divide": "Click a daughter of track {}.",
    "swap": "Click the track that track {} is confused with.",
}


class TrackPicker(QObject):
    """Hears clicks on the labels of tracks, and on their paths.

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
        self._heard: list[Labels | Tracks] = []
        self.listen(labels)

    def listen(self, layer: Labels | Tracks) -> bool:
        """Hear clicks on a layer, too; False where it is heard already."""
        if layer in self._heard:
            return False
        self._heard.append(layer)
        layer.mouse_drag_callbacks.append(self._on_click)
        return True

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
        for layer in self._heard:
            layer.mouse_drag_callbacks.remove(self._on_click)

    def _on_click(self, layer: Any, event: Any) -> None:
        if layer.mode != "pan_zoom":
            return
        # Of paths napari tells the nearest one, however far: first the object itself.
        for one in (self._labels, layer):
            value = one.get_value(
                event.position,
                view_direction=event.view_direction,
                dims_displayed=event.dims_displayed,
                world=True,
            )
            if value:
                self.pick(int(value))
                return
