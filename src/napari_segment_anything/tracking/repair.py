"""Asking the mask decoder again where tracks break, and judging its answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.tracking.carried import carried_masks
from napari_segment_anything.tracking.contradiction import Break, BreakKind
from napari_segment_anything.tracking.repair_settings import (
    FramePredictor,
    Repair,
    RepairSettings,
)
from napari_segment_anything.tracking.undivided import is_still_one

ALTERNATIVES = 3


_WORDS: dict[BreakKind, str] = {
    "missing": "filled",
    "hidden": "filled",
    "merged": "split",
    "fragments": "joined",
    "changed": "redrawn",
    "divided": "joined",
}


@dataclass(frozen=True, eq=False)
class RepairedFrame:
    """A frame after repair.

    Attributes
    ----------
    mask_set : MaskSet
        Kept masks in their old order, then the new ones.
    kept : tuple of int
        Old indices of the kept masks.
    repairs : tuple of Repair
        One for each new mask.
    sources : tuple of int
        Which break each new mask comes from.
    """

    mask_set: MaskSet
    kept: tuple[int, ...]
    repairs: tuple[Repair, ...] = ()
    sources: tuple[int, ...] = ()


def prompts_for(expected: MaskSet) -> Prompts:
    """Prompt each expected object with its box and its inner point.

    Where several objects are asked for together, the others' points are outside.
    """
    points = np.asarray(expected.points, dtype=np.float32)
    n = len(points)
    order = np.stack([np.roll(np.arange(n), -k) for k in range(n)])
    labels = np.zeros((n, n), dtype=np.int64)
    labels[:, 0] = 1
    # Prompt boxes include their last pixel; boxes of masks end like slices.
    boxes = expected.boxes - np.array([0, 0, 1, 1])
    return Prompts(
        points=points[order],
        point_labels=labels,
        boxes=boxes.astype(np.float32),
    )


def repair_frame(
    frame: MaskSet,
    breaks: Sequence[Break],
    predictor: FramePredictor | None,
    settings: RepairSettings,
) -> RepairedFrame:
    """Ask for everything that is missing in one frame, in one batch.

    Parameters
    ----------
    frame : MaskSet
        Masks of the frame.
    breaks : sequence of Break
        All of this frame.
    predictor : FramePredictor, optional
        Decodes the prompts; without one only neighbours in time are asked.
    settings : RepairSettings
        When an answer is believed.
    """
    if not breaks:
        return RepairedFrame(frame, tuple(range(len(frame))))
    answers = MaskSet.empty(frame.shape)
    if predictor is not None:
        prompts = Prompts.stack([prompts_for(b.expected) for b in breaks])
        answers = predictor.predict(breaks[0].frame, prompts)
    replaced: set[int] = set()
    new = MaskSet.empty(frame.shape)
    repairs: list[Repair] = []
    sources: list[int] = []
    position = 0
    for source, one in enumerate(breaks):
        n = len(one.expected)
        alternatives = answers.select(
            slice(ALTERNATIVES * position, ALTERNATIVES * (position + n))
        )
        position += n
        if replaced.intersection(one.replaces):
            continue
        gone = replaced.union(one.replaces)
        near = [k for k in _near(frame, one.expected) if k not in gone]
        others = MaskSet.concatenate(
            [frame.select(near), new.select(_near(new, one.expected))]
        )
        accepted = _judge(one, alternatives, others, frame, settings)
        by_model = accepted is not None
        if accepted is None and settings.carry:
            accepted = _carry(one, others, frame, settings)
        if accepted is not None:
            replaced = gone
            new = MaskSet.concatenate([new, accepted])
            sources += [source] * len(accepted)
            repairs += [
                Repair(
                    _WORDS[one.kind],
                    by_model,
                    float(accepted.predicted_iou[k])
                    * (accepted.iou_with(k, one.expected, k) if by_model else 1.0),
                )
                for k in range(len(accepted))
            ]
    kept = tuple(k for k in range(len(frame)) if k not in replaced)
    return RepairedFrame(
        MaskSet.concatenate([frame.select(list(kept)), new]),
        kept,
        tuple(repairs),
        tuple(sources),
    )


def _judge(
    one: Break,
    alternatives: MaskSet,
    others: MaskSet,
    frame: MaskSet,
    settings: RepairSettings,
) -> MaskSet | None:
    """Best believable answer for each expected object; None unless all have one."""
    if len(alternatives) == 0:
        return None
    accepted = MaskSet.empty(frame.shape)
    for k in range(len(one.expected)):
        around = MaskSet.concatenate([others, accepted])
        choices = alternatives.select(slice(ALTERNATIVES * k, ALTERNATIVES * (k + 1)))
        best = _best(one.expected.select([k]), choices, around, settings)
        if best is None:
            return None
        accepted = MaskSet.concatenate([accepted, best])
    if one.areas is not None and not is_still_one(
        accepted, frame.select(list(one.replaces)), one.areas
    ):
        return None
    if not _is_as_sure(accepted, one, frame, settings):
        return None
    for k in one.replaces:
        if one.kind == "changed":
            gain = accepted.iou_with(0, one.expected, 0) - frame.iou_with(
                k, one.expected, 0
            )
            if gain < settings.min_gain:
                return None
            continue
        covered = sum(
            accepted.intersection_with(a, frame, k) for a in range(len(accepted))
        )
        if covered < settings.min_kept * np.count_nonzero(frame.masks[k]):
            return None
    return accepted


def _is_as_sure(
    made: MaskSet, one: Break, frame: MaskSet, settings: RepairSettings
) -> bool:
    """Whether masks are hardly less sure than those that they replace."""
    scores = frame.predicted_iou[list(one.replaces)]
    # Masks that came from elsewhere have no score, which is 1.
    scored = scores[scores < 1]
    if len(scored) == 0:
        return True
    # Joining takes an object away, so that the parts have the benefit of the doubt.
    allowed = 0.0 if one.kind == "fragments" else settings.max_loss
    return float(made.predicted_iou.min()) >= float(scored.mean()) - allowed


def _carry(
    one: Break, others: MaskSet, frame: MaskSet, settings: RepairSettings
) -> MaskSet | None:
    """Make the expected objects without the decoder, where others leave them room."""
    made = carried_masks(one, frame, settings.min_overlap)
    if made is None or not _is_as_sure(made, one, frame, settings):
        return None
    free = [_cut(made.select([k]), others) for k in range(len(made))]
    for k, mask in enumerate(free):
        if mask.areas[0] < (1 - settings.max_shared) * made.areas[k]:
            return None
    return MaskSet.concatenate(free)


def _best(
    expected: MaskSet, choices: MaskSet, around: MaskSet, settings: RepairSettings
) -> MaskSet | None:
    """Pick the most trustworthy choice, without what it shares with others."""
    best: MaskSet | None = None
    most = -np.inf
    for c in range(len(choices)):
        choice = choices.select([c])
        confidence = float(choice.predicted_iou[0])
        if (
            confidence < settings.min_predicted_iou
            or choice.stability_score[0] < settings.min_stability
        ):
            continue
        free = _cut(choice, around)
        full, area = int(choice.areas[0]), int(free.areas[0])
        if area == 0 or area < (1 - settings.max_shared) * full:
            continue
        growth = area / max(int(expected.areas[0]), 1)
        overlap = free.iou_with(0, expected, 0)
        if (
            max(growth, 1 / growth) > settings.max_growth
            or overlap < settings.min_overlap
        ):
            continue
        if confidence + overlap > most:
            best, most = free, confidence + overlap
    return best


def _near(masks: MaskSet, expected: MaskSet) -> list[int]:
    """Masks that can share pixels with an answer which resembles what is expected."""
    low, high = expected.boxes[:, :2].min(axis=0), expected.boxes[:, 2:].max(axis=0)
    size = high - low
    is_near = (masks.boxes[:, :2] < high + size) & (masks.boxes[:, 2:] > low - size)
    return np.flatnonzero(is_near.all(axis=1)).tolist()


def _cut(choice: MaskSet, around: MaskSet) -> MaskSet:
    """One mask without the pixels of others."""
    mask = choice.masks[0].copy()
    y0, x0, y1, x1 = (int(v) for v in choice.boxes[0])
    for k in range(len(around)):
        top, left, bottom, right = (int(v) for v in around.boxes[k])
        t, b = max(y0, top), min(y1, bottom)
        le, r = max(x0, left), min(x1, right)
        if t < b and le < r:
            other = around.masks[k][t - top : b - top, le - left : r - left]
            mask[t - y0 : b - y0, le - x0 : r - x0] &= ~other
    return MaskSet(
        choice.shape,
        choice.boxes,
        (mask,),
        choice.predicted_iou,
        choice.stability_score,
        choice.points,
    )
