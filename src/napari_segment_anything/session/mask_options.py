"""What is done to each mask before it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet


@dataclass(frozen=True)
class MaskOptions:
    """Cleaning of masks.

    Parameters
    ----------
    fill_holes : bool
        Fill what a mask encloses. Nuclei and cells have no holes; switch it off for
        rings.
    keep_largest : bool
        Keep only the largest connected region. Without it, each region that a point
        lies in stays.
    smooth : int
        Radius in pixels of an opening and closing that rounds off the outline; 0 for
        none.
    """

    fill_holes: bool = True
    keep_largest: bool = False
    smooth: int = 0

    def apply(self, masks: MaskSet) -> MaskSet:
        """Return the masks, cleaned; scores stay those of the model."""
        from napari_segment_anything.engine.mask_set import MaskSet

        if self == MaskOptions(False, False, 0) or not len(masks):
            return masks
        boxes, cleaned = [], []
        for number, mask in enumerate(masks.masks):
            (y0, x0), clean = masks.boxes[number, :2], self._clean(mask)
            top, left, bottom, right = _tight(clean)
            boxes.append((y0 + top, x0 + left, y0 + bottom, x0 + right))
            cleaned.append(clean[top:bottom, left:right].copy())
        return MaskSet.from_masks(
            masks.shape,
            boxes,
            cleaned,
            predicted_iou=masks.predicted_iou,
            stability_score=masks.stability_score,
            points=masks.points,
        )

    def _clean(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        from napari_segment_anything.engine.labels import largest_region, without_holes

        if not mask.any():
            return mask
        if self.smooth:
            mask = _smoothed(mask, self.smooth)
        if self.fill_holes:
            mask = without_holes(mask)
        return largest_region(mask) if self.keep_largest else mask


def _smoothed(mask: npt.NDArray[np.bool_], radius: int) -> npt.NDArray[np.bool_]:
    # Padded, so that the edge of the crop does not count as background that is near.
    padded = np.pad(mask, radius + 1)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = y**2 + x**2 <= radius**2
    smooth = ndimage.binary_closing(ndimage.binary_opening(padded, disk), disk)
    inner: npt.NDArray[np.bool_] = smooth[
        radius + 1 : -radius - 1, radius + 1 : -radius - 1
    ]
    # An object smaller than the disk is better rough than gone.
    return inner if inner.any() else mask


def _tight(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
