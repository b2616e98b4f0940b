"""What is said while masks are computed, and about those that came."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QElapsedTimer, QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.session.answers import SIZES, SizedResponse
from napari_segment_anything.session.pace import in_words
from napari_segment_anything.widgets.keys import ACCEPT_KEY, DELETE_KEY, SIZE_KEY

if TYPE_CHECKING:
    from napari_segment_anything.session.objects import AcceptedObject
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse

_LOG = logging.getLogger(__name__)
_TICK_MS = 1000
_WORTH_TELLING = 0.5
# What is quicker than this needs no words.
_PATIENCE_MS = 250
_N_SCORES = 3

READY = "Ready: click on an object, or drag a box around it."
NOTHING_TO_ACCEPT = "Nothing is outlined: click on an object, or drag a box around it."
STILL_DUE = "Masks that were accepted are being computed; try again in a moment."
UNSAVED = "Accept or clear first what is drawn here."
DUE = "Accepted as soon as the mask is there; go on with the next object."
NO_PLANE = (
    "No single plane of this image is shown: switch to 2-D and move the sliders "
    "into the image."
)
OTHER_SHAPE = (
    "The image has another shape now: “Start annotating” adds new layers. What is in "
    "those of before stays."
)
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
        self._device = ""
        self._usual_seconds = 0.0
        self._clock = QElapsedTimer()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._explain)

    def set_device(self, device: str) -> None:
        """Say where planes are encoded; what is known of its speed is forgotten."""
        self._device = device
        self._usual_seconds = 0.0

    def wait_for(self, plane: PlaneId) -> None:
        """Begin to wait for an answer about a plane."""
        name = plane.describe() or "the image"
        self._sentence = f"Encoding {name}"
        if self._device:
            self._sentence += f" on the {self._device}"
        if not self._patience.isActive():
            self._patience.start()
        if not self._tick.isActive():
            self._clock.start()

    def stop(self) -> None:
        """Wait no more."""
        self._patience.stop()
        self._tick.stop()
        self._has_explained = False

    def tell(self, response: MaskResponse, open_id: int | None = None) -> None:
        """Say what an answer holds that is shown now, and of which open object."""
        masks = response.masks
        whose = "" if open_id is None else f"Object {open_id} is open · "
        if response.encoding_seconds > _WORTH_TELLING:
            self._usual_seconds = response.encoding_seconds
        if masks is None:
            # Takes back the words about waiting, but not those about an accept.
            if self._has_explained:
                self.said.emit(READY)
        elif not masks.areas.any():
            self.said.emit(NO_OBJECT)
        elif isinstance(response, SizedResponse):
            self.said.emit(whose + describe_sizes(response))
        else:
            scores = ", ".join(f"{iou:.2f}" for iou in masks.predicted_iou[:_N_SCORES])
            more = " …" if len(masks) > _N_SCORES else ""
            self.said.emit(f"{whose}Predicted IoU {scores}{more}")
        self.stop()

    def _explain(self) -> None:
        self._has_explained = True
        left = self._usual_seconds - self._clock.elapsed() / 1000
        when = f", about {in_words(max(left, 1))} left" if self._usual_seconds else ""
        self.said.emit(f"{self._sentence}{when}; clicks are answered when it is done.")
        self._tick.start()


def failure_message(error: Exception) -> str:
    """Return what to say of an error; one that nobody meant is logged as well."""
    if isinstance(error, SegmentAnythingError):
        return str(error)
    _LOG.error("Unexpected error", exc_info=error)
    return f"{type(error).__name__}: {error}. Nothing you made was changed."


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


def found_message(n_found: int, n_new: int) -> str:
    """Say how many objects everything mode found, and how many are new."""
    n_known = n_found - n_new
    already = f"; {n_known} were there already" if n_known else ""
    return f"Found {count_objects(n_found)}{already}."


def added_message(n_added: int, n_without: int, n_covered: int) -> str:
    """Say how many objects many prompts gave, and why others gave none."""
    parts = [f"Added {count_objects(n_added)}"]
    if n_covered:
        parts.append(f"{n_covered} lay under other objects")
    if n_without:
        parts.append(f"{n_without} gave no mask, or lay outside of the image")
    return f"{'; '.join(parts)}."


def opened_message(known: AcceptedObject | None) -> str:
    """Say which object is open again, if there is any."""
    if known is None:
        return "There are no objects yet."
    return f"Object {known.object_id} is open again."


def doubtful_message(known: AcceptedObject | None, n_left: int) -> str:
    """Say which doubtful object is open, and how many nobody has looked at."""
    if known is None:
        return "Nothing is left to look at: all objects were seen."
    scores = f"predicted IoU {known.predicted_iou:.2f}"
    if not math.isnan(known.stability_score):
        scores += f", stability {known.stability_score:.2f}"
    return (
        f"Object {known.object_id}: {scores}. {ACCEPT_KEY} confirms, {DELETE_KEY} "
        f"rejects, or correct it · {n_left} to see"
    )


def merged_message(ids: list[int]) -> str:
    """Say which objects were merged, or how to merge some."""
    if not ids:
        return "Open an object, then put an inside point on each one to join to it."
    return f"Merged {count_objects(len(ids))} into object {ids[0]}."


def split_message(ids: list[int]) -> str:
    """Say which objects a split made, or how to split one."""
    if not ids:
        return (
            "Open an object, then put an inside point into each part, or draw a line "
            "across it."
        )
    return f"Split object {ids[0]} into {len(ids)} parts."


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
