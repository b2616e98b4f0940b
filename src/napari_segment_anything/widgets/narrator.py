"""What is said while masks are computed, and about those that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.answers import SIZES, SizedResponse
from napari_segment_anything.widgets.keys import SIZE_KEY

if TYPE_CHECKING:
    from napari_segment_anything.session.objects import AcceptedObject
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

    def tell(self, response: MaskResponse, *, is_single_click: bool = False) -> None:
        """Say what an answer holds that is shown now.

        Parameters
        ----------
        response : MaskResponse
            The answer.
        is_single_click : bool, optional
            Whether the prompts were a single click, of which there are three sizes.
        """
        masks = response.masks
        if masks is None:
            # Takes back the words about waiting, but not those about an accept.
            if self._has_explained:
                self.said.emit("Ready: click on an object, or drag a box around it.")
        elif not masks.areas.any():
            self.said.emit(NO_OBJECT)
        elif isinstance(response, SizedResponse):
            self.said.emit(describe_sizes(response))
        else:
            scores = ", ".join(f"{iou:.2f}" for iou in masks.predicted_iou[:_N_SCORES])
            more = " …" if len(masks) > _N_SCORES else ""
            sizes = f" · {SIZE_KEY}: other sizes" if is_single_click else ""
            self.said.emit(f"Predicted IoU {scores}{more}{sizes}")
        self.stop()

    def _explain(self) -> None:
        self._has_explained = True
        self.said.emit(self._sentence)


def describe_sizes(response: SizedResponse) -> str:
    """Return which of three masks is shown, and how sure the model is of each."""
    parts = [
        f"{size} {iou:.2f}"
        for size, iou in zip(SIZES, response.iou_by_size, strict=False)
    ]
    shown = str(response.size).capitalize()
    return f"{shown} mask · predicted IoU: {', '.join(parts)} · {SIZE_KEY}: next size"


def count_objects(n_objects: int) -> str:
    """Return a number of objects in words, such as ``1 object``."""
    return "1 object" if n_objects == 1 else f"{n_objects} objects"


def opened_message(known: AcceptedObject | None) -> str:
    """Say which object is open again, if there is any."""
    if known is None:
        return "There are no objects yet."
    return f"Object {known.object_id} is open again."


def deleted_message(object_id: int | None) -> str:
    """Say which object was deleted, or how to delete one."""
    if object_id is None:
        return "Click on a finished object first; then it can be deleted."
    return f"Deleted object {object_id}; undo brings it back."


def accepted_message(ids: list[int]) -> str:
    """Return what was accepted, in words."""
    if len(ids) == 1:
        return f"Accepted object {ids[0]}."
    return f"Accepted {count_objects(len(ids))}, {min(ids)} to {max(ids)}."
