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
    y0, x0, y1, x1 = corners[order].T
    areas = (y1 - y0) * (x1 - x0)
    is_alive = np.ones(len(order), dtype=bool)
    kept = []
    # One row at a time: the whole n × n matrix is slower and needs n² memory.
    for i in range(len(order)):
        if not is_alive[i]:
            continue
        kept.append(i)
        height = np.minimum(y1[i], y1[i + 1 :]) - np.maximum(y0[i], y0[i + 1 :])
        width = np.minimum(x1[i], x1[i + 1 :]) - np.maximum(x0[i], x0[i + 1 :])
        shared = np.maximum(height, 0) * np.maximum(width, 0)
        union = areas[i] + areas[i + 1 :] - shared
        is_alive[i + 1 :] &= shared <= threshold * union
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
    kept = []
    for position, i in enumerate(order):
        if not is_alive[i]:
            continue
        kept.append(i)
        rest = order[position + 1 :]
        meets = (
            is_alive[rest]
            & (y0[rest] < y1[i])
            & (y0[i] < y1[rest])
            & (x0[rest] < x1[i])
            & (x0[i] < x1[rest])
        )
        for j in rest[meets]:
            shared = masks.intersection_with(i, masks, j)
            smaller = min(areas[i], areas[j])
            whole = smaller if of_smaller else areas[i] + areas[j] - shared
            is_alive[j] = shared <= threshold * whole
    return np.asarray(kept, dtype=np.intp)
