"""Points of objects nearby, which lie outside of the one that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.objects import no_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.objects import AcceptedObject, PlanePrompts

# As many clicks as SAM learned from at most, less those of the user.
_N_NEIGHBOURS = 4


def others_of_each(
    known: Sequence[AcceptedObject], drawings: Sequence[Drawing]
) -> list[npt.NDArray[np.float64]]:
    """Return the others of drawings that are each an object, see `points_of_others`.

    To each of them the rest of the drawings are others too.
    """
    asked = [drawing.prompts for drawing in drawings]
    marks = [_marks(prompts)[:1] for prompts in asked]
    return [
        points_of_others(
            known,
            prompts,
            np.concatenate([no_points(), *marks[:number], *marks[number + 1 :]]),
        )
        for number, prompts in enumerate(asked)
    ]


def points_of_others(
    known: Sequence[AcceptedObject],
    prompts: PlanePrompts,
    marks: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """Return one point of each of the nearest objects.

    Parameters
    ----------
    known : sequence of AcceptedObject
        Objects of the plane, without the one that is open.
    prompts : PlanePrompts
        What is drawn. An object under an inside point of it is left out.
    marks : ndarray, optional
        (M, 2) points of objects that are not there yet. Those in a box of the prompts,
        or where a point of them is, are left out.

    Returns
    -------
    ndarray
        (K, 2), K at most 4, the nearest first: where a person clicked into the object
        first, or its pixel that is farthest from its border.
    """
    inside = prompts.points[prompts.is_inside]
    marks = no_points() if marks is None else marks[_is_apart(marks, prompts)]
    if not prompts.has_object or not len(known) + len(marks):
        return no_points()
    here = _marks(prompts)
    boxes = np.array([one.box for one in known], dtype=float).reshape(-1, 4)
    low = np.concatenate([boxes[:, :2], marks])[:, None]
    high = np.concatenate([boxes[:, 2:] - 1, marks])[:, None]
    gaps = np.maximum(np.maximum(low - here, here - high), 0)
    distance = np.hypot(*np.moveaxis(gaps, -1, 0)).min(axis=1)
    points: list[npt.NDArray[np.float64]] = []
    for number in np.argsort(distance, kind="stable"):
        if len(points) == _N_NEIGHBOURS:
            break
        if number >= len(known):
            points.append(marks[number - len(known)])
        elif not any(_holds(known[number], point) for point in inside):
            points.append(_point_in(known[number]))
    return np.array(points, dtype=float).reshape(-1, 2)


def _marks(prompts: PlanePrompts) -> npt.NDArray[np.float64]:
    """Points (M, 2) that say where prompts are."""
    middles = prompts.boxes.reshape(-1, 2, 2).mean(axis=1)
    return np.concatenate([prompts.points[prompts.is_inside], middles])


def _is_apart(
    marks: npt.NDArray[np.float64], prompts: PlanePrompts
) -> npt.NDArray[np.bool_]:
    points = np.concatenate([prompts.points, prompts.points], axis=1)
    boxes = np.concatenate([points, prompts.boxes])
    low, high = boxes[:, :2], boxes[:, 2:]
    is_within = np.all((marks[:, None] >= low) & (marks[:, None] <= high), axis=2)
    is_apart: npt.NDArray[np.bool_] = ~np.any(is_within, axis=1)
    return is_apart


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
