"""Filters over candidates, without a model."""

from dataclasses import replace

import numpy as np
import pytest

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.review import (
    Candidates,
    roundness,
)

SHAPE = (60, 80)
SETTINGS = AutomaticSettings(
    pred_iou_thresh=0.5, stability_score_thresh=0.5, mask_nms_thresh=0.5
)
# Box, predicted IoU and stability of each candidate.
FOUND = [
    ((5, 5, 25, 25), 0.9, 0.9),
    ((5, 40, 15, 75), 0.8, 0.6),
    ((35, 5, 41, 11), 0.6, 0.9),
    ((35, 40, 55, 60), 0.4, 0.9),
    ((6, 6, 22, 20), 0.7, 0.95),
]


@pytest.fixture
def candidates():
    boxes = [box for box, *_ in FOUND]
    masks = [np.ones((b[2] - b[0], b[3] - b[1]), bool) for b in boxes]
    found = MaskSet.from_masks(
        SHAPE,
        boxes,
        masks,
        predicted_iou=[iou for _, iou, _ in FOUND],
        stability_score=[stability for *_, stability in FOUND],
    )
    return Candidates(PlaneId(), found, SETTINGS, "digest")


def boxes_of(passing):
    return sorted(tuple(box) for box in passing.new.boxes.tolist())


USUAL = [FOUND[n][0] for n in (0, 1, 2)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, USUAL),
        ({"min_iou": 0.3}, [*USUAL, FOUND[3][0]]),
        ({"min_iou": 0.7}, USUAL[:2]),
        ({"min_stability": 0.7}, [USUAL[0], USUAL[2]]),
        ({"min_area": 100}, USUAL[:2]),
        ({"max_area": 360}, [USUAL[1], USUAL[2], FOUND[4][0]]),
        ({"min_roundness": 0.7}, [USUAL[0], USUAL[2]]),
    ],
)
def test_each_slider_lets_pass_what_it_says(candidates, changed, expected):
    chosen = replace(candidates.usual_filter, **changed)
    assert boxes_of(candidates.passing(chosen, None)) == sorted(expected)


def test_only_what_is_new_is_given(candidates):
    usual = candidates.usual_filter
    assert boxes_of(candidates.passing(replace(usual, min_iou=0.3), usual)) == [
        FOUND[3][0]
    ]
    assert len(candidates.passing(replace(usual, min_iou=0.7), usual).new) == 0


def test_roundness_is_one_for_a_disk_and_small_for_a_stick():
    y, x = np.indices((61, 61))
    disk = (y - 30) ** 2 + (x - 30) ** 2 <= 28**2
    assert roundness(disk) == pytest.approx(1, abs=0.05)
    assert roundness(np.ones((3, 60), bool)) < 0.25
    assert roundness(np.zeros((0, 0), bool)) == 0
