"""Contours of masks as pixels, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet

CHOSEN, OTHER = 1, 2
"""Values of the pixels of a contour."""

_WIDTH = 2
# Of a large object, which is looked at from afar, the contour is wider: pixels of the
# object for one of the contour.
_PIXELS_PER_WIDTH = 200
_DASH, _GAP = 5, 3
_SAME = 0.9


def paint_rims(
    masks: MaskSet, others: MaskSet | None = None
) -> tuple[int, int, npt.NDArray[np.uint8]]:
    """Paint contours into one small image around all masks.

    Parameters
    ----------
    masks : MaskSet
        Their contours are solid.
    others : MaskSet, optional
        Theirs are thin, dashed and below; those that look like one of the first, or
        like each other, are left out.

    Returns
    -------
    top, left : int
        Plane position of the crop's first pixel.
    crop : ndarray
        (h, w) uint8, `CHOSEN`, `OTHER`, or 0.
    """
    chosen = masks.select(masks.areas > 0)
    thin = [] if others is None else _distinct(others.select(others.areas > 0), chosen)
    boxes = np.concatenate([chosen.boxes, *(one.boxes for one in thin)])
    if not len(boxes):
        return 0, 0, np.zeros((1, 1), dtype=np.uint8)
    top, left = (int(v) for v in boxes[:, :2].min(axis=0))
    bottom, right = (int(v) for v in boxes[:, 2:].max(axis=0))
    crop = np.zeros((bottom - top, right - left), dtype=np.uint8)
    width = max(_WIDTH, max(crop.shape) // _PIXELS_PER_WIDTH)
    y, x = np.ogrid[top:bottom, left:right]
    is_dash = (y + x) // max(width // 2, 1) % (_DASH + _GAP) < _DASH
    drawn = [(one, OTHER, width // 2) for one in thin]
    drawn += [(chosen.select([i]), CHOSEN, width) for i in range(len(chosen))]
    for one, value, its_width in drawn:
        y0, x0, y1, x1 = (int(v) for v in one.boxes[0])
        part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        is_rim = rim(one.masks[0], its_width)
        if value == OTHER:
            is_rim &= is_dash[part]
        crop[part][is_rim] = value
    return top, left, crop


def rim(mask: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.bool_]:
    """Return the pixels of a mask that are at most ``width`` steps from its border."""
    inner = np.pad(mask, 1)
    for _ in range(width):
        core = inner[1:-1, 1:-1].copy()
        core &= inner[:-2, 1:-1]
        core &= inner[2:, 1:-1]
        core &= inner[1:-1, :-2]
        core &= inner[1:-1, 2:]
        inner = np.pad(core, 1)
    is_rim: npt.NDArray[np.bool_] = mask & ~inner[1:-1, 1:-1]
    return is_rim


def _distinct(others: MaskSet, chosen: MaskSet) -> list[MaskSet]:
    """Return masks that look different from the chosen ones and from each other."""
    kept: list[MaskSet] = []
    for number in range(len(others)):
        one = others.select([number])
        seen = [chosen.select([i]) for i in range(len(chosen))] + kept
        if all(one.iou_with(0, other, 0) < _SAME for other in seen):
            kept.append(one)
    return kept
