"""Greedy suppression of what was found more than once."""

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet


def box_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, threshold: float
) -> npt.NDArray[np.intp]:
    """Keep the best of all boxes that overlap by more than a threshold.

    Parameters
    ----------
    boxes : array-like
        (n, 4) half-open boxes (y0, x0, y1, x1).
    scores : array-like
        (n,), higher is better; of equal ones the first is kept.
    threshold : float
        IoU of boxes above which the worse one is dropped.

    Returns
    -------
    ndarray
        Indices of the kept boxes, best first.
    """
    corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    corners = corners[order]
    y0, x0, y1, x1 = corners.T
    areas = (y1 - y0) * (x1 - x0)
    is_alive = np.ones(len(order), dtype=bool)
    kept = []
    strips = _Strips(y0, y1)
    # One box at a time: the whole n × n matrix is slower and needs n² memory.
    for i in range(len(order)):
        if not is_alive[i]:
            continue
        kept.append(i)
        rest = strips.near(i)
        rest = rest[rest > i]
        height = np.minimum(y1[i], y1[rest]) - np.maximum(y0[i], y0[rest])
        width = np.minimum(x1[i], x1[rest]) - np.maximum(x0[i], x0[rest])
        shared = np.maximum(height, 0) * np.maximum(width, 0)
        union = areas[i] + areas[rest] - shared
        is_alive[rest[shared > threshold * union]] = False
    return order[np.asarray(kept, dtype=np.intp)]


def mask_nms(
    masks: MaskSet, scores: npt.ArrayLike, threshold: float, *, of_smaller: bool = False
) -> npt.NDArray[np.intp]:
    """Keep the best of all masks that share too many pixels.

    Parameters
    ----------
    masks : MaskSet
        n masks.
    scores : array-like
        (n,), higher is better; of equal ones the first is kept.
    threshold : float
        Overlap above which the worse mask is dropped.
    of_smaller : bool
        Measure the shared pixels against the smaller mask instead of against the
        union, so that a part of an object counts as the same object.

    Returns
    -------
    ndarray
        Indices of the kept masks, best first.
    """
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    areas = masks.areas
    y0, x0, y1, x1 = masks.boxes.T
    is_alive = np.ones(len(masks), dtype=bool)
    rank = np.empty(len(masks), np.intp)
    rank[order] = np.arange(len(masks))
    strips = _Strips(y0, y1)
    kept = []
    for i in order:
        if not is_alive[i]:
            continue
        kept.append(i)
        rest = strips.near(i)
        meets = (
            is_alive[rest]
            & (rank[rest] > rank[i])
            & (y0[rest] < y1[i])
            & (y0[i] < y1[rest])
            & (x0[rest] < x1[i])
            & (x0[i] < x1[rest])
        )
        for j in np.unique(rest[meets]):
            shared = masks.intersection_with(i, masks, j)
            smaller = min(areas[i], areas[j])
            whole = smaller if of_smaller else areas[i] + areas[j] - shared
            is_alive[j] = shared <= threshold * whole
    return np.asarray(kept, dtype=np.intp)


class _Strips:
    """Boxes by the strips of rows that they lie in, to find those near a box.

    A strip is as high as boxes are in the mean, so that n boxes lie in 2 n strips at
    most, whatever their sizes.
    """

    def __init__(
        self, tops: npt.NDArray[np.number], bottoms: npt.NDArray[np.number]
    ) -> None:
        heights = np.maximum(bottoms - tops, 1)
        side = heights.mean() if len(heights) else 1
        self._first = np.floor_divide(tops, side).astype(np.intp)
        # A box that ends where a strip does lies not in the next one.
        self._stop = np.ceil((tops + heights) / side).astype(np.intp)
        self._stop = np.maximum(self._stop, self._first + 1)
        n_strips = self._stop - self._first
        boxes = np.repeat(np.arange(len(tops)), n_strips)
        before = np.cumsum(n_strips) - n_strips
        strips = np.arange(len(boxes)) + np.repeat(self._first - before, n_strips)
        order = np.argsort(strips, kind="stable")
        self._strips, self._boxes = strips[order], boxes[order]

    def near(self, i: int) -> npt.NDArray[np.intp]:
        """Boxes that share a strip with a box, some of them more than once."""
        first, stop = np.searchsorted(self._strips, (self._first[i], self._stop[i]))
        near: npt.NDArray[np.intp] = self._boxes[first:stop]
        return near
