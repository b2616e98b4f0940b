"""From masks to changed pixels of one plane of the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.objects import AcceptedObject

    Read = Callable[[tuple[slice, slice]], npt.NDArray[np.integer]]
    """Reads a part of the plane, rows first."""

# What others leave of a mask when they cover more of it is a rim of theirs.
_MIN_FREE = 1 / 3


@dataclass(frozen=True, eq=False)
class Painted:
    """A part of a plane before and after new objects were painted.

    Parameters
    ----------
    corner : tuple of int
        Plane position (y, x) of the first pixel.
    before, after : ndarray
        (h, w) labels.
    ids : dict of int to int
        Id of each mask, by its position in the set, that has at least one pixel.
    """

    corner: tuple[int, int]
    before: npt.NDArray[np.int32]
    after: npt.NDArray[np.int32]
    ids: dict[int, int]

    def mask_of(self, object_id: int) -> tuple[tuple[int, int], npt.NDArray[np.bool_]]:
        """Return corner and pixels of an object, as painted."""
        is_object = self.after == object_id
        rows, columns = is_object.any(axis=1), is_object.any(axis=0)
        if not rows.any():
            return self.corner, np.zeros((0, 0), dtype=bool)
        top, left = int(rows.argmax()), int(columns.argmax())
        bottom = len(rows) - int(rows[::-1].argmax())
        right = len(columns) - int(columns[::-1].argmax())
        corner = (self.corner[0] + top, self.corner[1] + left)
        return corner, is_object[top:bottom, left:right].copy()


@dataclass(frozen=True, eq=False)
class Replaced:
    """An object whose place a mask takes.

    Parameters
    ----------
    known : AcceptedObject
        What is known of it.
    part : tuple of slice
        Rows and columns of the plane that hold each of its pixels.
    """

    known: AcceptedObject
    part: tuple[slice, slice]


def paint_masks(
    masks: MaskSet,
    read: Read,
    *,
    first_id: int,
    may_overwrite: bool = False,
    replaced: Replaced | None = None,
    continued: int | None = None,
) -> Painted:
    """Paint masks as objects.

    Parameters
    ----------
    masks : MaskSet
        Where they overlap, the earlier one is on top.
    read : callable
        Reads the labels of the plane.
    first_id : int
        Id of the first new object; the others follow without gaps.
    may_overwrite : bool, optional
        Whether pixels of other objects may be taken; by default only free ones, and a
        mask of which others cover more than two thirds is left out.
    replaced : Replaced, optional
        An object that the first mask takes the place and the id of. What was painted
        or erased in it by hand since it was accepted is done to the new mask too.
    continued : int, optional
        Id of the first mask; by default a new one.
    """
    slices = _around(masks)
    if replaced is not None:
        slices = _joined(slices, replaced.part)
    before = read(slices).astype(np.int32)
    after = before.copy()
    drawn = _paint(masks, slices, before.shape)
    corner = (int(slices[0].start), int(slices[1].start))
    if replaced is not None:
        after[before == replaced.known.object_id] = 0
        _repeat_by_hand(drawn, before, corner, replaced.known)
    is_painted = drawn > 0
    if not may_overwrite:
        is_painted &= after == 0
        # Counting is several times faster than np.unique's sorting of each pixel.
        n_all, n_free = (
            np.bincount(drawn[which], minlength=len(masks) + 1)
            for which in (drawn > 0, is_painted)
        )
        is_kept = n_free >= _MIN_FREE * n_all
        # What is left of an object that is changed is its own.
        is_kept[:2] |= replaced is not None
        is_painted &= is_kept[drawn]
    numbers = drawn[is_painted]
    present = np.flatnonzero(np.bincount(numbers)) if len(numbers) else numbers
    ids, next_id = {}, first_id
    first = continued if replaced is None else replaced.known.object_id
    new_id = np.zeros(len(masks) + 1, dtype=np.int32)
    for number in present:
        if number == 1 and first is not None:
            new_id[number] = first
        else:
            new_id[number], next_id = next_id, next_id + 1
        ids[int(number) - 1] = int(new_id[number])
    after[is_painted] = new_id[numbers]
    return Painted(corner, before, after, ids)


def keep_free_objects(
    masks: MaskSet, read: Read, *, max_taken: float = 0.25
) -> MaskSet:
    """Drop new objects that are mostly there already.

    Without this, running everything mode on a plane that was annotated before would
    add the rim of each finished object as an object of its own.

    Parameters
    ----------
    masks : MaskSet
        New objects of a plane.
    read : callable
        Reads the labels of the plane.
    max_taken : float, optional
        An object stays when at most this part of its pixels is taken.
    """
    is_kept = [
        np.mean(read(masks.slices(i))[masks.masks[i]] > 0) <= max_taken
        for i in range(len(masks))
    ]
    return masks.select(np.array(is_kept, dtype=bool))


def _around(masks: MaskSet) -> tuple[slice, slice]:
    filled = [n for n in range(len(masks)) if masks.masks[n].any()]
    if not filled:
        return slice(0, 0), slice(0, 0)
    top, left = (int(v) for v in masks.boxes[filled, :2].min(axis=0))
    bottom, right = (int(v) for v in masks.boxes[filled, 2:].max(axis=0))
    return slice(top, bottom), slice(left, right)


def _joined(
    one: tuple[slice, slice], other: tuple[slice, slice]
) -> tuple[slice, slice]:
    """Return the part around two parts, of which either may be empty."""
    there = [part for part in (one, other) if part[0].stop > part[0].start]
    if len(there) < 2:
        return there[0] if there else one
    rows, columns = (
        slice(min(a.start, b.start), max(a.stop, b.stop))
        for a, b in zip(*there, strict=True)
    )
    return rows, columns


def _paint(
    masks: MaskSet, slices: tuple[slice, slice], shape: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    drawn = np.zeros(shape, dtype=np.int64)
    top, left = int(slices[0].start), int(slices[1].start)
    # Backwards, so that the first mask lies on top of later ones.
    for number in reversed(range(len(masks))):
        if masks.masks[number].any():
            y0, x0, y1, x1 = (int(v) for v in masks.boxes[number])
            part = drawn[y0 - top : y1 - top, x0 - left : x1 - left]
            part[masks.masks[number]] = number + 1
    return drawn


def _repeat_by_hand(
    drawn: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int32],
    corner: tuple[int, int],
    replaced: AcceptedObject,
) -> None:
    accepted = np.zeros(labels.shape, dtype=bool)
    (y, x), (height, width) = (
        np.subtract(replaced.corner, corner),
        replaced.mask.shape,
    )
    accepted[y : y + height, x : x + width] = replaced.mask
    is_object = labels == replaced.object_id
    drawn[is_object & ~accepted & (drawn == 0)] = 1
    drawn[accepted & (labels == 0) & (drawn == 1)] = 0
