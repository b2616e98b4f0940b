"""What is said while masks are computed, and about those that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse

# What is quicker than this needs no words.
_PATIENCE_MS = 250
_N_SCORES = 3

NO_OBJECT = "The model sees no object here; add a point or a box."


class Narrator(QObject):
    """Explains why one waits, but only when one does."""

    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sentence = ""
        self._has_explained = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._explain)

    def wait_for(self, plane: PlaneId) -> None:
        """Begin to wait for an answer about a plane."""
        name = plane.describe() or "the image"
        self._sentence = f"Encoding {name}; clicks are answered when it is done."
        if not self._patience.isActive():
            self._patience.start()

    def stop(self) -> None:
        """Wait no more."""
        self._patience.stop()
        self._has_explained = False

    def tell(self, response: MaskResponse) -> None:
        """Say what an answer holds that is shown now."""
        masks = response.masks
        if masks is None:
            # Takes back the words about waiting, but not those about an accept.
            if self._has_explained:
                self.said.emit("Ready: click on an object, or drag a box around it.")
        elif not masks.areas.any():
            self.said.emit(NO_OBJECT)
        else:
            scores = ", ".join(f"{iou:.2f}" for iou in masks.predicted_iou[:_N_SCORES])
            more = " …" if len(masks) > _N_SCORES else ""
            self.said.emit(f"Predicted IoU {scores}{more}")
        self.stop()

    def _explain(self) -> None:
        self._has_explained = True
        self.said.emit(self._sentence)
