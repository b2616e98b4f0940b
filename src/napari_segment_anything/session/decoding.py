"""From what is drawn on a plane to masks: pure functions, called by a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.objects import group_prompts
from napari_segment_anything.session.regions import keep_prompted_regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.plane_predictor import PlanePredictor
    from napari_segment_anything.engine.prompts import Prompts
    from napari_segment_anything.engine.stretch import StretchedPlane
    from napari_segment_anything.session.drawing import Outline
    from napari_segment_anything.session.objects import PlanePrompts


def masks_of(
    plane: PlanePredictor | StretchedPlane,
    prompts: PlanePrompts,
    *,
    may_encode: bool = True,
) -> MaskSet:
    """Return the best mask of each object that is drawn on a plane.

    Parameters
    ----------
    plane : PlanePredictor or StretchedPlane
        Answers.
    prompts : PlanePrompts
        Points and boxes that name at least one object.
    may_encode : bool, optional
        Whether windows may be encoded for them.

    Raises
    ------
    InvalidPromptError
        When a point or a whole box lies outside of the plane.
    """
    from napari_segment_anything.engine.mask_set import MaskSet

    grouped = group_prompts(prompts)
    is_rough = np.array([area.kind.is_rough_mask for area in prompts.areas], dtype=bool)
    if not is_rough.any():
        n_clicks = len(prompts.points) - prompts.n_told
        answered = plane.answer(
            grouped,
            multimask=prompts.is_ambiguous,
            may_encode=may_encode,
            n_clicks=n_clicks,
        )
        return prompted_regions(_best(answered, grouped.n_objects), grouped)
    parts, order = [], []
    for chosen in (np.flatnonzero(is_rough), np.flatnonzero(~is_rough)):
        if len(chosen):
            rough = None
            if is_rough[chosen[0]]:
                outlines = [prompts.areas[i] for i in chosen]
                rough = _rough_masks(outlines, plane.plane_shape)
            part = grouped.select(chosen)
            answered = plane.answer(
                part, multimask=False, may_encode=may_encode, rough=rough
            )
            parts.append(_best(answered, len(chosen)))
            order.append(chosen)
    best = MaskSet.concatenate(parts).select(np.argsort(np.concatenate(order)))
    return prompted_regions(best, grouped)


def _best(answered: MaskSet, n_objects: int) -> MaskSet:
    scores = answered.predicted_iou.reshape(n_objects, -1)
    width = scores.shape[1]
    return answered.select(np.arange(n_objects) * width + scores.argmax(axis=1))


def _rough_masks(outlines: Sequence[Outline], shape: tuple[int, int]) -> MaskSet:
    from napari_segment_anything.engine.mask_set import MaskSet

    boxes, crops = [], []
    for outline in outlines:
        (top, left), mask = outline.mask()
        y0, x0 = max(top, 0), max(left, 0)
        part = mask[
            y0 - top : max(shape[0] - top, 0), x0 - left : max(shape[1] - left, 0)
        ]
        boxes.append((y0, x0, y0 + part.shape[0], x0 + part.shape[1]))
        crops.append(part)
    return MaskSet.from_masks(shape, boxes, crops, points=np.zeros((len(crops), 2)))


def prompted_regions(masks: MaskSet, prompts: Prompts) -> MaskSet:
    """Drop islands of masks, one of each object, that nobody pointed at."""
    from napari_segment_anything.engine.mask_set import MaskSet

    boxes, crops = [], []
    for number, whole in enumerate(masks.masks):
        y0, x0 = (int(v) for v in masks.boxes[number, :2])
        points = _inside_points(prompts, number) - (y0, x0)
        mask = keep_prompted_regions(whole, points)
        top, left, bottom, right = mask_box(mask)
        boxes.append((y0 + top, x0 + left, y0 + bottom, x0 + right))
        crops.append(mask[top:bottom, left:right].copy())
    return MaskSet.from_masks(
        masks.shape,
        boxes,
        crops,
        predicted_iou=masks.predicted_iou,
        stability_score=masks.stability_score,
        points=np.array([[(y0 + y1) / 2, (x0 + x1) / 2] for y0, x0, y1, x1 in boxes]),
    )


def _inside_points(prompts: Prompts, number: int) -> npt.NDArray[np.floating]:
    if prompts.points is None or prompts.point_labels is None:
        return np.zeros((0, 2))
    is_inside = prompts.point_labels[number] == 1
    inside: npt.NDArray[np.floating] = prompts.points[number][is_inside]
    return inside


def mask_box(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Half-open box (y0, x0, y1, x1) around a mask; empty at 0 for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
