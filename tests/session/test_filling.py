"""Filling a plane in by what passes a filter, without a model."""

from dataclasses import replace

import numpy as np
import pytest

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.commits import Canvas
from napari_segment_anything.session.filling import fill
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.objects import Verdict
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.review import Candidates, ReviewFilter

SHAPE = (60, 80)
SETTINGS = AutomaticSettings(
    pred_iou_thresh=0.5, stability_score_thresh=0.5, mask_nms_thresh=0.5
)
BOXES = [(5, 5, 25, 25), (5, 40, 15, 75), (35, 5, 41, 11)]


@pytest.fixture
def candidates():
    masks = [np.ones((b[2] - b[0], b[3] - b[1]), bool) for b in BOXES]
    found = MaskSet.from_masks(
        SHAPE,
        BOXES,
        masks,
        predicted_iou=[0.9, 0.8, 0.6],
        stability_score=[0.9, 0.6, 0.9],
    )
    return Candidates(PlaneId(), found, SETTINGS, "digest")


def test_what_passes_no_more_is_taken_out_unless_somebody_cared(candidates):
    labels = np.zeros(SHAPE, np.int32)
    objects = ObjectRegister()
    canvas = Canvas(PlaneId(), "YX", SHAPE, lambda part: labels[part], objects)

    def do(commit):
        labels[commit.pixels.index] = commit.pixels.after
        objects.change(commit.objects)
        return commit

    usual = candidates.usual_filter
    do(fill(canvas, candidates.passing(usual, None)))
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    first, second, third = objects.on(PlaneId())
    # One is confirmed, one painted on; a strict filter leaves both alone.
    objects.change({first.key: (first, replace(first, verdict=Verdict.ACCEPTED))})
    labels[second.corner] = 0
    strict = ReviewFilter(min_iou=0.99)
    commit = do(fill(canvas, candidates.passing(strict, usual)))
    assert commit.action.removed == (third.object_id,)
    assert np.unique(labels).tolist() == [0, 1, 2]
    # Back again: the third returns, under a new number, and nothing else changes.
    do(fill(canvas, candidates.passing(usual, strict)))
    assert np.unique(labels).tolist() == [0, 1, 2, 4]


def test_what_is_there_stays_and_hidden_objects_get_no_id(candidates):
    labels = np.zeros(SHAPE, np.int32)
    labels[0:30, 0:30] = 7
    labels[35, 5:11] = 8
    objects = ObjectRegister()
    objects.reserve(8)
    canvas = Canvas(PlaneId(), "YX", SHAPE, lambda part: labels[part], objects)
    commit = fill(canvas, candidates.passing(candidates.usual_filter, None))
    labels[commit.pixels.index] = commit.pixels.after
    assert np.unique(labels).tolist() == [0, 7, 8, 9, 10]
    assert (labels == 7).sum() == 900
    (_, last) = (new for _, new in commit.objects.values())
    assert (last.corner, last.mask.shape) == ((36, 5), (5, 6))
