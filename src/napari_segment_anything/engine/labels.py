"""From overlapping masks to one label image."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.coded_masks import kept_alike
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_logits import crop_tightly
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError

BoolArray = npt.NDArray[np.bool_]
# Larger planes, about 4000 × 4000 pixels, are cut into chunks where they are kept.
_MOST_PIXELS = 2**24

# Made once: for many small masks this would take as long as to label them.
_BY_SIDES = ndimage.generate_binary_structure(2, 1)
_BY_CORNERS = ndimage.generate_binary_structure(2, 2)

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
    return _painted_rows(objects, slice(0, masks.shape[0]), dtype)


def painted(objects: MaskSet) -> npt.NDArray[np.int32] | BandedPlane:
    """Paint what `disjoint_masks` returned, numbered from 1.

    Returns
    -------
    ndarray or BandedPlane
        (H, W) int32, 0 is ground; of a very large plane, rows are painted when they
        are asked for.
    """
    height, width = objects.shape
    if height * width > _MOST_PIXELS:
        return BandedPlane(
            objects.shape, np.int32, lambda rows: _painted_rows(objects, rows)
        )
    labels: npt.NDArray[np.int32] = _painted_rows(objects, slice(0, height))
    return labels


def _painted_rows(
    objects: MaskSet, rows: slice, dtype: npt.DTypeLike = np.int32
) -> npt.NDArray[Any]:
    labels = np.zeros((rows.stop - rows.start, objects.shape[1]), dtype)
    tops, bottoms = objects.boxes[:, 0], objects.boxes[:, 2]
    for i in np.flatnonzero((tops < rows.stop) & (bottoms > rows.start)).tolist():
        top, bottom = int(tops[i]), int(bottoms[i])
        first, last = max(top, rows.start), min(bottom, rows.stop)
        part = labels[first - rows.start : last - rows.start, objects.slices(i)[1]]
        part[objects.masks[i][first - top : last - top]] = i + 1
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
    boxes: list[Box] = []
    source: list[int] = []

    def shown() -> Iterator[BoolArray]:
        is_taken = _TakenPixels(masks.shape)
        for i in _painting_order(masks, overlap).tolist():
            mask = masks.masks[i]
            if fill_holes:
                mask = without_holes(mask)
            visible = largest_region(mask & ~is_taken.at(masks.slices(i)))
            n_visible = np.count_nonzero(visible)
            if n_visible < max(1, min_area):
                continue
            if n_visible < min_visible * np.count_nonzero(mask):
                continue
            is_taken.add(masks.slices(i), visible)
            y0, x0, y1, x1 = masks.boxes[i].tolist()
            tight = crop_tightly(visible, (y0, x0, y1, x1))
            if tight is not None:
                boxes.append(tight[0])
                source.append(i)
                yield tight[1]

    visible = kept_alike(masks.masks, shown())
    chosen = np.asarray(source, np.intp)
    corners = np.array(boxes, np.int32).reshape(-1, 4)
    objects = MaskSet(
        shape=masks.shape,
        boxes=corners,
        masks=visible,
        predicted_iou=masks.predicted_iou[chosen],
        stability_score=masks.stability_score[chosen],
        points=masks.points[chosen],
    )
    return objects.select(np.lexsort((corners[:, 1], corners[:, 0])))


class _TakenPixels:
    """Which pixels of a plane are taken, eight of them in a byte."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._bits = np.zeros((shape[0], -(-shape[1] // 8)), np.uint8)

    def at(self, place: tuple[slice, slice]) -> BoolArray:
        """Return a part as booleans."""
        rows, columns, skipped = _in_bytes(place)
        bits = np.unpackbits(self._bits[rows, columns], axis=1)
        wanted = slice(skipped, skipped + place[1].stop - place[1].start)
        return bits[:, wanted].view(bool)

    def add(self, place: tuple[slice, slice], mask: BoolArray) -> None:
        """Take the pixels of a mask that lies there."""
        rows, columns, skipped = _in_bytes(place)
        padded = np.zeros((len(mask), 8 * (columns.stop - columns.start)), bool)
        padded[:, skipped : skipped + mask.shape[1]] = mask
        self._bits[rows, columns] |= np.packbits(padded, axis=1)


def _in_bytes(place: tuple[slice, slice]) -> tuple[slice, slice, int]:
    rows, columns = place
    first = columns.start // 8
    return rows, slice(first, -(-columns.stop // 8)), columns.start - 8 * first


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


def without_holes(mask: BoolArray) -> BoolArray:
    """Fill what a mask encloses, by sides; what reaches the array's edge is outside.

    The same as scipy's `binary_fill_holes`, which dilates the outside again and again:
    five times as fast on masks of hundreds of pixels.
    """
    outside = np.ones(np.add(mask.shape, 2), bool)
    np.logical_not(mask, out=outside[1:-1, 1:-1])
    regions, n_regions = ndimage.label(outside, _BY_SIDES)
    if n_regions == 1:
        return mask
    filled: BoolArray = (regions != regions[0, 0])[1:-1, 1:-1]
    return filled


def largest_region(mask: BoolArray) -> BoolArray:
    """Return the largest connected region of a mask (first of equal ones)."""
    regions, n_regions = ndimage.label(mask, _BY_SIDES)
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
    cleaned = mask
    filled = without_holes(mask)
    if filled is not mask:
        holes, _ = ndimage.label(filled & ~mask, _BY_CORNERS)
        is_small = np.bincount(holes.ravel()) < min_area
        is_small[0] = False
        cleaned = mask | is_small[holes]
    islands, n_islands = ndimage.label(cleaned, _BY_CORNERS)
    if n_islands > 1:
        sizes = np.bincount(islands.ravel())
        is_kept = sizes >= min_area
        if not is_kept[1:].any():
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
