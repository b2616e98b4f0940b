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
    objects = disjoint_masks(
        masks,
        overlap=overlap,
        fill_holes=fill_holes,
        min_area=min_area,
        min_visible=min_visible,
    )
    labels = np.zeros(masks.shape, dtype)
    for i, mask in enumerate(objects.masks):
        labels[objects.slices(i)][mask] = i + 1
    return labels


def disjoint_masks(
    masks: MaskSet,
    *,
    overlap: OverlapRule = "best",
    fill_holes: bool = True,
    min_area: int = 1,
    min_visible: float = 0.5,
) -> MaskSet:
    """Settle overlaps: each pixel belongs to one object, each object is in one piece.

    Parameters are those of `masks_to_labels`.

    Returns
    -------
    MaskSet
        In the order of position, with scores and prompts of the masks they come from.
    """
    is_taken = np.zeros(masks.shape, dtype=bool)
    boxes, visible, source = [], [], []
    for i in _painting_order(masks, overlap):
        region = is_taken[masks.slices(i)]
        mask = masks.masks[i]
        if fill_holes:
            mask = ndimage.binary_fill_holes(mask)
        shown = largest_region(mask & ~region)
        n_shown = np.count_nonzero(shown)
        if n_shown < max(1, min_area):
            continue
        if n_shown < min_visible * np.count_nonzero(mask):
            continue
        region |= shown
        ((rows, columns),) = ndimage.find_objects(shown.view(np.uint8))
        top, left = (int(corner) for corner in masks.boxes[i, :2])
        boxes.append(
            (
                rows.start + top,
                columns.start + left,
                rows.stop + top,
                columns.stop + left,
            )
        )
        visible.append(shown[rows, columns].copy())
        source.append(i)
    corners = np.array(boxes, np.int32).reshape(-1, 4)
    order = np.lexsort((corners[:, 1], corners[:, 0]))
    chosen = np.asarray(source, np.intp)[order]
    return MaskSet(
        shape=masks.shape,
        boxes=corners[order],
        masks=tuple(visible[i] for i in order),
        predicted_iou=masks.predicted_iou[chosen],
        stability_score=masks.stability_score[chosen],
        points=masks.points[chosen],
    )


def beside(masks: MaskSet, others: MaskSet, max_shared: float) -> MaskSet:
    """Leave out masks that lie on others, and cut the others off the rest.

    Parameters
    ----------
    masks, others : MaskSet
        Of the same plane.
    max_shared : float
        Part of a mask that may lie on others.
    """
    is_taken = np.zeros(masks.shape, dtype=bool)
    for i, mask in enumerate(others.masks):
        is_taken[others.slices(i)] |= mask
    free = [mask & ~is_taken[masks.slices(i)] for i, mask in enumerate(masks.masks)]
    kept = [
        i
        for i, mask in enumerate(masks.masks)
        if np.count_nonzero(free[i]) > (1 - max_shared) * np.count_nonzero(mask)
    ]
    rest = masks.select(kept)
    return MaskSet(
        shape=rest.shape,
        boxes=rest.boxes,
        masks=tuple(free[i] for i in kept),
        predicted_iou=rest.predicted_iou,
        stability_score=rest.stability_score,
        points=rest.points,
    )


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
