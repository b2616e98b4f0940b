"""From overlapping masks to one label image."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError

BoolArray = npt.NDArray[np.bool_]
OverlapRule = Literal["best", "smaller", "larger"]


def masks_to_labels(
    masks: MaskSet,
    *,
    overlap: OverlapRule = "best",
    fill_holes: bool = True,
    min_area: int = 1,
    min_visible: float = 0.5,
    dtype: npt.DTypeLike = np.int32,
) -> npt.NDArray[np.integer]:
    """Paint masks so that each pixel belongs to at most one object.

    Each object is one connected region (pixels that touch by a side). Ids run from 1 in
    the order of position: by the first row of an object, then by its first column.

    Parameters
    ----------
    masks : MaskSet
        Objects of one plane, which may overlap.
    overlap : {"best", "smaller", "larger"}
        Who gets a shared pixel: the mask with the higher product of predicted IoU and
        stability, the smaller mask or the larger one.
    fill_holes : bool
        Fill what an object encloses, unless another object lies there.
    min_area : int
        Drop objects with fewer pixels than this.
    min_visible : float
        Drop objects of which others cover more than this leaves: 0.5 drops what is
        more than half covered, 0 nothing.
    dtype : dtype
        Integer type of the labels.

    Returns
    -------
    ndarray
        (H, W) labels, 0 is ground.

    Raises
    ------
    InvalidSettingsError
        For an unknown rule.
    """
    labels, _ = paint_masks(
        masks,
        overlap=overlap,
        fill_holes=fill_holes,
        min_area=min_area,
        min_visible=min_visible,
    )
    return labels.astype(dtype, copy=False)


def paint_masks(
    masks: MaskSet,
    *,
    overlap: OverlapRule = "best",
    fill_holes: bool = True,
    min_area: int = 1,
    min_visible: float = 0.5,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp]]:
    """As `masks_to_labels`, and say which mask became which object.

    Returns
    -------
    tuple of ndarray
        (H, W) labels, and (n,) positions in `masks`: that of object 1 first.
    """
    canvas = np.zeros(masks.shape, dtype=np.int32)
    painted: list[int] = []
    for i in _painting_order(masks, overlap):
        region = canvas[masks.slices(i)]
        mask = masks.masks[i]
        if fill_holes:
            mask = ndimage.binary_fill_holes(mask)
        visible = largest_region(mask & (region == 0))
        n_visible = np.count_nonzero(visible)
        if n_visible < max(1, min_area):
            continue
        if n_visible < min_visible * np.count_nonzero(mask):
            continue
        painted.append(i)
        region[visible] = len(painted)
    order = _number_by_position(canvas, len(painted))
    return canvas, np.asarray(painted, np.intp)[order]


def largest_region(mask: BoolArray) -> BoolArray:
    """Return the largest connected region of a mask (first of equal ones)."""
    regions, n_regions = ndimage.label(mask)
    if n_regions <= 1:
        return mask
    sizes = np.bincount(regions.ravel())[1:]
    largest: BoolArray = regions == sizes.argmax() + 1
    return largest


def remove_small_regions(mask: BoolArray, min_area: int) -> tuple[BoolArray, bool]:
    """Fill holes and drop islands below an area; tell whether anything changed.

    Regions touch by sides or corners, as in SAM. Of a mask with only small islands the
    largest stays. Holes are enclosed: what reaches the edge of the array is not filled.
    """
    everywhere = np.ones((3, 3), dtype=bool)
    filled = ndimage.binary_fill_holes(mask)
    holes, _ = ndimage.label(filled & ~mask, structure=everywhere)
    sizes = np.bincount(holes.ravel())
    is_small = sizes < min_area
    is_small[0] = False
    cleaned = mask | is_small[holes]
    islands, n_islands = ndimage.label(cleaned, structure=everywhere)
    sizes = np.bincount(islands.ravel())
    is_kept = sizes >= min_area
    if n_islands and not is_kept[1:].any():
        is_kept[1 + sizes[1:].argmax()] = True
    is_kept[0] = False
    cleaned = is_kept[islands]
    return cleaned, not np.array_equal(cleaned, mask)


def _painting_order(masks: MaskSet, overlap: str) -> npt.NDArray[np.intp]:
    if overlap == "best":
        score = -masks.predicted_iou * masks.stability_score
    elif overlap == "smaller":
        score = masks.areas.astype(np.float32)
    elif overlap == "larger":
        score = -masks.areas.astype(np.float32)
    else:
        raise InvalidSettingsError(
            f"{overlap!r} is no rule for overlaps; use best, smaller or larger."
        )
    return np.argsort(score, kind="stable")


def _number_by_position(
    canvas: npt.NDArray[np.int32], n_objects: int
) -> npt.NDArray[np.intp]:
    """Return the order of the objects by position, and number them so in place."""
    starts = np.array(
        [
            (rows.start, columns.start)
            for rows, columns in ndimage.find_objects(canvas, n_objects)
        ]
    ).reshape(-1, 2)
    order = np.lexsort((starts[:, 1], starts[:, 0]))
    number = np.zeros(n_objects + 1, dtype=np.int32)
    number[order + 1] = np.arange(1, n_objects + 1)
    # Row by row: a second canvas would double the memory of a large plane.
    for row in canvas:
        row[:] = number[row]
    return order
