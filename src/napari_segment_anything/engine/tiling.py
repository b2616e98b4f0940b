"""Tiles of a plane that is larger than the model frame."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.errors import InvalidSettingsError


def tile_boxes(shape: tuple[int, int], tile: int, halo: int) -> list[Box]:
    """Cover a plane with tiles of one size that overlap.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the plane.
    tile : int
        Side of a tile in pixels; along a shorter side of the plane the tile ends there.
    halo : int
        Least overlap of neighbours in pixels, below ``tile``. An object up to this
        size lies whole in at least one tile.

    Returns
    -------
    list of tuple
        Half-open boxes (y0, x0, y1, x1), row by row.

    Raises
    ------
    InvalidSettingsError
        When the halo is not between 0 and the tile's side.
    """
    if not 0 <= halo < tile:
        raise InvalidSettingsError(
            f"Tiles of {tile} pixels cannot overlap by {halo}; choose a halo of at "
            "least 0 and below the tile's side."
        )
    rows, columns = (_starts(length, tile, halo) for length in shape)
    return [
        (y, x, min(y + tile, shape[0]), min(x + tile, shape[1]))
        for y in rows
        for x in columns
    ]


def boxes_that_meet(box: Box, boxes: Sequence[Box]) -> list[Box]:
    """Return those of some half-open boxes that share a pixel with a box."""
    y0, x0, y1, x1 = np.asarray(boxes, np.int64).reshape(-1, 4).T
    meets = (y0 < box[2]) & (box[0] < y1) & (x0 < box[3]) & (box[1] < x1)
    return [other for other, meet in zip(boxes, meets.tolist(), strict=True) if meet]


def points_shown_best(
    points: npt.NDArray[np.floating],
    box: Box,
    boxes: Sequence[Box],
    shape: tuple[int, int],
    slack: float,
) -> npt.NDArray[np.bool_]:
    """Whether no other box shows clearly more of a point's surroundings.

    A box shows more, the farther its inner edges are away from the point; edges of the
    plane itself hide nothing.

    Parameters
    ----------
    points : ndarray
        (n, 2) points (y, x) in plane pixels.
    box : tuple of int
        One of ``boxes``.
    boxes : sequence of tuple
        Half-open boxes that overlap.
    shape : tuple of int
        (H, W) of the plane.
    slack : float
        Pixels by which another box may be better. Two boxes see the centre of the same
        object at slightly different places; without slack each could leave it to the
        other.

    Returns
    -------
    ndarray
        (n,) boolean; every point is shown best by one box at least.
    """
    best = margins(points, boxes, shape).max(axis=0)
    is_best: npt.NDArray[np.bool_] = margins(points, [box], shape)[0] >= best - slack
    return is_best


def margins(
    points: npt.NDArray[np.floating], boxes: Sequence[Box], shape: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """How far the nearest inner edge of each box is from each point.

    Parameters
    ----------
    points : ndarray
        (n, 2) points (y, x) in plane pixels.
    boxes : sequence of tuple
        m half-open boxes.
    shape : tuple of int
        (H, W) of the plane, whose own edges do not count.

    Returns
    -------
    ndarray
        (m, n) pixels, negative outside of a box; at most the plane's longer side.
    """
    edges = np.asarray(boxes, dtype=np.float64)[:, :, np.newaxis]
    # Finite, so that two boxes without inner edges compare as equal.
    nearest = np.full((len(edges), len(points)), float(max(shape)))
    for axis in range(2):
        at, first, stop = points[:, axis], edges[:, axis], edges[:, axis + 2]
        np.minimum(nearest, np.where(first > 0, at - first, np.inf), out=nearest)
        is_inner = stop < shape[axis]
        np.minimum(nearest, np.where(is_inner, stop - 1 - at, np.inf), out=nearest)
    return nearest


def touches_inner_edge(
    box: Box, crop: Box, shape: tuple[int, int], tolerance: float
) -> bool:
    """Whether a box ends within ``tolerance`` pixels of an edge that cuts the plane."""
    plane = (0, 0, *shape)
    return any(
        abs(box[side] - crop[side]) <= tolerance and crop[side] != plane[side]
        for side in range(4)
    )


def is_any_uncovered(
    cut_boxes: Sequence[Box], whole_boxes: npt.NDArray[np.integer]
) -> bool:
    """Whether an object that a tile cuts is not, for the most part, one seen whole.

    Parameters
    ----------
    cut_boxes : sequence of tuple
        Half-open boxes of masks that end at the edge of a tile.
    whole_boxes : ndarray
        (n, 4) half-open boxes of masks that do not.
    """
    by_row = whole_boxes[np.argsort(whole_boxes[:, 0], kind="stable")]
    tallest = (by_row[:, 2] - by_row[:, 0]).max(initial=0)
    # One at a time and only with those nearby: on a plane of thousands of tiles all
    # pairs would fill the memory.
    for cut in cut_boxes:
        first, last = np.searchsorted(by_row[:, 0], (cut[0] - tallest, cut[2]))
        near = by_row[first:last]
        low = np.maximum(cut[:2], near[:, :2])
        high = np.minimum(cut[2:], near[:, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1).max(initial=0)
        if shared < 0.5 * (cut[2] - cut[0]) * (cut[3] - cut[1]):
            return True
    return False


def lies_whole_in(
    box: Box, crop: Box, shape: tuple[int, int], tolerance: float
) -> bool:
    """Whether a crop shows all of a box, clear of the edges that cut the plane."""
    is_inside = (
        box[0] >= crop[0]
        and box[1] >= crop[1]
        and box[2] <= crop[2]
        and box[3] <= crop[3]
    )
    return is_inside and not touches_inner_edge(box, crop, shape, tolerance)


def _starts(length: int, tile: int, halo: int) -> list[int]:
    if length <= tile:
        return [0]
    n_tiles = math.ceil((length - halo) / (tile - halo))
    # Spread evenly instead of leaving a sliver at the end.
    return [round(i * (length - tile) / (n_tiles - 1)) for i in range(n_tiles)]
