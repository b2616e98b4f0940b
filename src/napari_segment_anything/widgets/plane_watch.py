"""Tells when another plane is shown, and when the user has stopped scrolling."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers

# Scrolling through planes should not start the encoder on each of them.
_REST_MS = 120


class PlaneWatch(QObject):
    """Watches the sliders of a viewer for one image.

    Parameters
    ----------
    viewer : ViewerModel
        Whose sliders are watched.
    layers : AnnotationLayers
        Know which plane of the image is shown.
    """

    changed = Signal()
    rested = Signal()

    def __init__(self, viewer: ViewerModel, layers: AnnotationLayers) -> None:
        super().__init__()
        self._layers = layers
        self._plane: PlaneId | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self.rested)
        dims = viewer.dims.events
        self._events = (dims.current_step, dims.order, dims.ndisplay)
        for event in self._events:
            event.connect(self._on_dims)

    @property
    def is_resting(self) -> bool:
        """Whether `rested` is about to come."""
        return bool(self._rest.isActive())

    def start(self) -> None:
        """Take the plane that is shown as known."""
        self._plane = self._layers.plane

    def rest_soon(self) -> None:
        """Emit `rested` in a moment, unless the plane changes or `stop` is called."""
        if self._layers.are_shown:
            self._rest.start()

    def stop(self) -> None:
        """Do not emit `rested` for what happened so far."""
        self._rest.stop()

    def close(self) -> None:
        """Let go of the viewer."""
        # Where a script ends without closing its viewer, Qt has the timer already.
        with suppress(RuntimeError):
            self.stop()
        for event in self._events:
            event.disconnect(self._on_dims)

    def _on_dims(self) -> None:
        plane = self._layers.plane
        if plane != self._plane:
            self._plane = plane
            self.changed.emit()
            self.rest_soon()
