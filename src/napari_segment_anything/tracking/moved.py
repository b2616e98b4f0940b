"""Masks that are moved as the objects of a frame are expected to move."""

from collections.abc import Sequence

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.motion import FloatArray


def moved_masks(
    mask_set: MaskSet, index: Sequence[int], displacement: FloatArray
) -> MaskSet:
    """Masks moved by whole pixels and clipped to the plane.

    Parameters
    ----------
    mask_set : MaskSet
        Where the masks come from.
    index : sequence of int
        Which ones.
    displacement : (2,) array
        (dy, dx) in pixels.
    """
    dy, dx = (int(v) for v in np.rint(displacement))
    height, width = mask_set.shape
    boxes, masks, areas = [], [], []
    for k in index:
        y0, x0, y1, x1 = (int(v) for v in mask_set.boxes[k])
        top, left = max(y0 + dy, 0), max(x0 + dx, 0)
        bottom = max(min(y1 + dy, height), top)
        right = max(min(x1 + dx, width), left)
        boxes.append((top, left, bottom, right))
        masks.append(
            mask_set.masks[k][
                top - y0 - dy : bottom - y0 - dy, left - x0 - dx : right - x0 - dx
            ]
        )
        areas.append(np.count_nonzero(masks[-1]))
    kept = [k for k, area in enumerate(areas) if area]
    return MaskSet.from_masks(
        mask_set.shape, [boxes[k] for k in kept], [masks[k] for k in kept]
    )
