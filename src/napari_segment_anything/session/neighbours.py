"""Points of objects nearby, which lie outside of the one that is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_segment_anything.session.objects import AcceptedObject, PlanePrompts

# As many clicks as SAM learned from at most, less those of the user.
_N_NEIGHBOURS = 4


def points_of_others(
    known: Sequence[AcceptedObject], prompts: PlanePrompts
) -> npt.NDArray[np.float64]:
    """Return one point of each of the nearest objects.

    Parameters
    ----------
    known : sequence of AcceptedObject
        Objects of the plane, without the one that is open.
    prompts : PlanePrompts
        What is drawn. An object under an inside point of it is left out.

    Returns
    -------
    ndarray
        (K, 2), K at most 4, the nearest first: where a person clicked into the object
        first, or its pixel that is farthest from its border.
    """
    inside = prompts.points[prompts.is_inside]
    if not known or not prompts.has_object:
        return np.zeros((0, 2))
    marks = np.concatenate([inside, prompts.boxes.reshape(-1, 2, 2).mean(axis=1)])
    boxes = np.array([one.box for one in known], dtype=float)
    gaps = np.maximum(boxes[:, None, :2] - marks, marks - (boxes[:, None, 2:] - 1))
    distance = np.hypot(*np.moveaxis(np.maximum(gaps, 0), -1, 0)).min(axis=1)
    points: list[npt.NDArray[np.float64]] = []
    for number in np.argsort(distance, kind="stable"):
        if len(points) == _N_NEIGHBOURS:
            break
        if not any(_holds(known[number], point) for point in inside):
            points.append(_point_in(known[number]))
    return np.array(points, dtype=float).reshape(-1, 2)


def _point_in(known: AcceptedObject) -> npt.NDArray[np.float64]:
    from napari_segment_anything.engine.mask_set import interior_point

    drawing = known.drawing
    mark: npt.NDArray[np.float64]
    for mark in drawing.points[drawing.is_inside]:
        if _holds(known, mark):
            return mark
    mark = np.add(known.corner, interior_point(known.mask)).astype(float)
    return mark


def _holds(known: AcceptedObject, point: npt.NDArray[np.float64]) -> bool:
    y, x = np.rint(point).astype(int) - known.corner
    height, width = known.mask.shape
    return bool(0 <= y < height and 0 <= x < width and known.mask[y, x])
