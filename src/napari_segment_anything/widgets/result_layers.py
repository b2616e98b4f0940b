"""Accepted objects, written into a Labels layer without touching anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal

from napari_segment_anything.session.history import Commit
from napari_segment_anything.widgets.plane import (
    image_shape,
    layer_index,
    transform_of,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Image

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId


@dataclass(frozen=True, eq=False)
class Painting:
    """New objects on their way into the labels.

    Parameters
    ----------
    top, left : int
        Plane position of the first pixel.
    labels : ndarray
        (h, w) integers: 0 nothing, 1..n the new objects.
    """

    top: int
    left: int
    labels: npt.NDArray[np.integer]

    @classmethod
    def of_masks(cls, masks: MaskSet) -> Painting:
        """Paint masks into a crop around all of them; the first has id 1."""
        filled = [n for n in range(len(masks)) if masks.masks[n].any()]
        if not filled:
            return cls(0, 0, np.zeros((0, 0), dtype=np.int32))
        top, left = (int(v) for v in masks.boxes[filled, :2].min(axis=0))
        bottom, right = (int(v) for v in masks.boxes[filled, 2:].max(axis=0))
        labels = np.zeros((bottom - top, right - left), dtype=np.int32)
        # Backwards, so that the first mask lies on top of later ones.
        for number in reversed(filled):
            y0, x0, y1, x1 = (int(v) for v in masks.boxes[number])
            part = labels[y0 - top : y1 - top, x0 - left : x1 - left]
            part[masks.masks[number]] = number + 1
        return cls(top, left, labels)

    @property
    def slices(self) -> tuple[slice, slice]:
        """The part of the plane that is covered."""
        height, width = self.labels.shape
        return (
            slice(self.top, self.top + height),
            slice(self.left, self.left + width),
        )


class ResultLayer:
    """The Labels layer of accepted objects of one image.

    Parameters
    ----------
    image : Image
        The layer that is segmented.
    axes : str
        One letter per dimension of the image.
    """

    id_used = Signal(int)
    """Someone picked this id to paint with, so no new object may get it."""

    def __init__(self, image: Image, axes: str) -> None:
        self.axes = axes
        # Zeros take memory only where something is written.
        self.layer = Labels(
            np.zeros(image_shape(image), dtype=np.int32),
            name="SAM objects",
            **transform_of(image),
        )
        self.layer.events.selected_label.connect(self._on_selected_label)

    def paint(
        self,
        painting: Painting,
        plane: PlaneId,
        prompts: PlanePrompts,
        *,
        first_id: int,
        may_overwrite: bool = False,
    ) -> tuple[Commit | None, dict[int, int]]:
        """Write new objects, as one step of the layer's own undo.

        Parameters
        ----------
        painting : Painting
            The new objects.
        plane : PlaneId
            Where to write them.
        prompts : PlanePrompts
            What was drawn for them, to be given back when they are undone.
        first_id : int
            Id of the first object; the others follow without gaps.
        may_overwrite : bool, optional
            Whether pixels of other objects may be taken; by default only free ones.

        Returns
        -------
        commit : Commit or None
            What was changed; None when there was no free pixel to paint.
        ids : dict of int to int
            Id in the layer of each new object that has at least one pixel.
        """
        window = self.read(plane, painting.slices)
        is_new = painting.labels > 0
        if not may_overwrite:
            is_new &= window == 0
        if not is_new.any():
            return None, {}
        numbers = painting.labels[is_new]
        # Counting is several times faster than np.unique's sorting of each pixel.
        present = np.flatnonzero(np.bincount(numbers))
        new_id = np.zeros(int(present[-1]) + 1, dtype=np.int32)
        new_id[present] = np.arange(first_id, first_id + len(present))
        rows, columns = np.nonzero(is_new)
        commit = Commit(
            plane=plane,
            rows=(rows + painting.top).astype(np.int32),
            columns=(columns + painting.left).astype(np.int32),
            before=window[is_new].astype(np.int32),
            after=new_id[numbers],
            prompts=prompts,
        )
        self._write(commit, commit.after, np.ones(len(rows), dtype=bool))
        return commit, {int(n): int(new_id[n]) for n in present}

    def unpaint(self, commit: Commit) -> None:
        """Take a commit back where nobody has painted over it since."""
        index = self._index(commit, np.ones(len(commit.rows), dtype=bool))
        current = np.asarray(self.layer.data[index])
        self._write(commit, commit.before, commit.still_there(current))

    def read(
        self, plane: PlaneId, slices: tuple[slice, slice]
    ) -> npt.NDArray[np.integer]:
        """Read a part of a plane of the layer, rows first."""
        key: list[Any] = layer_index(plane, self.axes)
        for letter, part in zip(plane.plane_axes, slices, strict=True):
            key[self.axes.index(letter)] = part
        return np.asarray(self.layer.data[tuple(key)])

    def _index(
        self, commit: Commit, chosen: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.integer], ...]:
        positions = dict(
            zip(commit.plane.plane_axes, (commit.rows, commit.columns), strict=True)
        )
        n_pixels = int(chosen.sum())
        return tuple(
            positions[letter][chosen]
            if number is None
            else np.full(n_pixels, number, dtype=np.int32)
            for letter, number in zip(
                self.axes, layer_index(commit.plane, self.axes), strict=True
            )
        )

    def _write(
        self,
        commit: Commit,
        values: npt.NDArray[np.int32],
        chosen: npt.NDArray[np.bool_],
    ) -> None:
        if chosen.any():
            # Only the changed pixels: other objects and strokes stay, and napari
            # refreshes and remembers no more than this.
            self.layer.data_setitem(self._index(commit, chosen), values[chosen])

    def _on_selected_label(self) -> None:
        self.id_used.emit(int(self.layer.selected_label))


def keep_free_objects(
    masks: MaskSet, present: npt.NDArray[np.integer], *, max_taken: float = 0.25
) -> MaskSet:
    """Drop new objects that are mostly there already.

    Without this, running everything mode on a plane that was annotated before would
    add the rim of each finished object as an object of its own.

    Parameters
    ----------
    masks : MaskSet
        New objects of a plane.
    present : ndarray
        (H, W) labels that are there.
    max_taken : float, optional
        An object stays when at most this part of its pixels is taken.
    """
    is_kept = [
        np.mean(present[masks.slices(i)][masks.masks[i]] > 0) <= max_taken
        for i in range(len(masks))
    ]
    return masks.select(np.array(is_kept, dtype=bool))
