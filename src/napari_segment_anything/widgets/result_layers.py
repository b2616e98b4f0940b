"""Accepted objects, written into a Labels layer without touching anything else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.widgets.empty_labels import empty_labels
from napari_segment_anything.widgets.plane import (
    image_shape,
    layer_index,
    transform_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from napari.layers import Image

    from napari_segment_anything.session.object_register import ObjectRegister
    from napari_segment_anything.session.planes import PlaneId


_FEATURES_MS = 300


class ResultLayer:
    """The Labels layer of accepted objects of one image.

    Parameters
    ----------
    image : Image
        The layer that is segmented; the results lie exactly on it.
    axes : str
        One letter per dimension of the image.
    """

    id_used = Signal(int)
    """The user paints with this id."""

    painted = Signal(object)
    """The user painted, filled or erased: a `PixelEdit`."""

    def __init__(self, image: Image, axes: str) -> None:
        self.axes = axes
        self._is_writing = False
        self.layer = Labels(
            empty_labels(image, axes, image_shape(image)),
            name="SAM objects",
            **transform_of(image),
        )
        self._objects: ObjectRegister | None = None
        # A table of all objects: once after several steps is enough.
        self._features_timer = QTimer()
        self._features_timer.setSingleShot(True)
        self._features_timer.setInterval(_FEATURES_MS)
        self._features_timer.timeout.connect(self.write_features)
        self.layer.events.selected_label.connect(self._on_selected_label)
        self.layer.events.paint.connect(self._on_paint)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return tuple(int(length) for length in self.layer.data.shape)

    def read(
        self, plane: PlaneId, slices: tuple[slice, slice]
    ) -> npt.NDArray[np.integer]:
        """Read a part of a plane of the layer, rows first."""
        key: list[Any] = layer_index(plane, self.axes)
        for letter, part in zip(plane.plane_axes, slices, strict=True):
            key[self.axes.index(letter)] = part
        return np.asarray(self.layer.data[tuple(key)])

    def label_at(self, plane: PlaneId, y: float, x: float) -> int:
        """Return the label of a pixel of a plane, 0 beside the plane."""
        row, column = round(y), round(x)
        if row < 0 or column < 0:
            return 0
        part = self.read(plane, (slice(row, row + 1), slice(column, column + 1)))
        return int(part[0, 0]) if part.size else 0

    def apply(self, edit: PixelEdit) -> None:
        """Change pixels, except those that somebody has changed in the meantime.

        It is one step of the layer's own undo. Only the changed pixels are touched:
        other objects and strokes stay, and napari refreshes no more than this.
        """
        part = edit.applicable(self.layer.data)
        if len(part) == 0:
            return
        self._is_writing = True
        try:
            self.layer.data_setitem(
                tuple(np.asarray(positions) for positions in part.index), part.after
            )
        finally:
            self._is_writing = False

    def show_objects(self, objects: ObjectRegister) -> None:
        """Put what is known of each object into the layer's features, soon."""
        self._objects = objects
        self._features_timer.start()

    def write_features(self) -> None:
        """Put what is known of each object into the layer's features."""
        self._features_timer.stop()
        if self._objects is not None:
            self.layer.features = features_of(self._objects)

    def _on_selected_label(self) -> None:
        self.id_used.emit(int(self.layer.selected_label))

    def _on_paint(self, event: Any) -> None:
        if not self._is_writing:
            edit = edit_of_stroke(event.value, self.shape)
            if edit is not None and len(edit):
                self.painted.emit(edit)


def features_of(objects: ObjectRegister) -> dict[str, list[Any]]:
    """Return a table with a row for each object and the background."""
    slices = objects.in_order()
    first = {known.object_id: known for known in reversed(slices)}
    n_planes = Counter(one.object_id for one in slices)
    known = [first[object_id] for object_id in sorted(first)]
    return {
        "index": [0, *(one.object_id for one in known)],
        "predicted_iou": [np.nan, *(one.predicted_iou for one in known)],
        "stability_score": [np.nan, *(one.stability_score for one in known)],
        "verdict": ["", *(str(one.verdict) for one in known)],
        "class": [0, *(one.class_id for one in known)],
        "planes": [0, *(n_planes[one.object_id] for one in known)],
        "prompts": ["", *(one.drawing.describe() for one in known)],
        "model": ["", *(one.model_digest[:12] for one in known)],
    }


def edit_of_stroke(
    atoms: Sequence[Sequence[Any]], shape: tuple[int, ...]
) -> PixelEdit | None:
    """Join the parts of a stroke that napari tells about in its *paint* event.

    Parameters
    ----------
    atoms : sequence
        Each either (indices, labels before, label after), or since napari 0.7 (slices
        of a box, mask in it or None, labels before, label after).
    shape : tuple of int
        Of the labels.

    Returns
    -------
    PixelEdit or None
        None when the parts are of a form that is not known.
    """
    flat, before, after = [], [], []
    for atom in atoms:
        if len(atom) == 3:
            index, old, new = atom
        elif len(atom) == 4:
            index, old, new = _in_box(*atom)
        else:
            return None
        positions = np.ravel_multi_index(tuple(np.asarray(i) for i in index), shape)
        flat.append(positions.ravel())
        before.append(np.broadcast_to(old, positions.shape).ravel())
        after.append(np.broadcast_to(new, positions.shape).ravel())
    if not flat:
        return None
    pixels = np.concatenate(flat)
    # A stroke may cross itself: what was there at first, and what is there at last.
    unique, first = np.unique(pixels, return_index=True)
    _, from_behind = np.unique(pixels[::-1], return_index=True)
    last = len(pixels) - 1 - from_behind
    index = np.unravel_index(unique, shape)
    old = np.concatenate(before)[first].astype(np.int32)
    new = np.concatenate(after)[last].astype(np.int32)
    is_changed = old != new
    return PixelEdit(
        tuple(i[is_changed].astype(np.int32) for i in index),
        old[is_changed],
        new[is_changed],
    )


def _in_box(
    slices: Sequence[slice], mask: Any, old_values: Any, new_value: Any
) -> tuple[tuple[npt.NDArray[np.intp], ...], Any, Any]:
    starts = [part.start for part in slices]
    lengths = tuple(part.stop - part.start for part in slices)
    is_changed = np.ones(lengths, bool) if mask is None else np.reshape(mask, lengths)
    index = tuple(
        positions + start
        for positions, start in zip(np.nonzero(is_changed), starts, strict=True)
    )
    return index, np.ravel(old_values), new_value
