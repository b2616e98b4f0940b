"""Scores of masks are found again by where the masks lie."""

import numpy as np
import pandas as pd
import pytest

from napari_segment_anything.batch.mask_scores import MaskScores
from napari_segment_anything.tracking.repair_settings import Repair, RepairedMask

TABLE = pd.DataFrame(
    {
        "z": [0, 0, 1],
        "t": [3, 3, 3],
        "y": [10.0, 40.0, 10.0],
        "x": [12.0, 12.0, 12.0],
        "area": [100, 100, 100],
        "predicted_iou": [0.9, 0.8, 0.7],
        "stability_score": [0.95, 0.85, 0.75],
        "is_repaired": [False, True, False],
        "repair": ["", "filled", ""],
        "confidence": [0.9, 0.3, 0.7],
    }
)


@pytest.fixture
def scores():
    return MaskScores(TABLE, "T", "Z")


def look(scores, position, frame, y, area=100):
    found = scores.of(position, frame, np.array([[y, 12.0]]), np.array([area]))
    return {name: values[0] for name, values in found.items()}


def test_a_mask_is_known_whatever_its_track_is_called(scores):
    found = look(scores, (0,), 3, 40.0)
    assert found["repair"] == "filled"
    assert found["is_repaired"]
    assert found["confidence"] == pytest.approx(0.3)
    assert look(scores, (1,), 3, 10.0)["predicted_iou"] == pytest.approx(0.7)
    # Some pixels went to a neighbour where both were painted.
    assert look(scores, (0,), 3, 10.2, 99)["confidence"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("position", "frame", "y", "area"),
    [((0,), 2, 10.0, 100), ((0,), 3, 25.0, 100), ((0,), 3, 10.0, 90), ((2,), 3, 10, 9)],
)
def test_of_what_somebody_has_drawn_nothing_is_known(scores, position, frame, y, area):
    found = look(scores, position, frame, y, area)
    assert np.isnan(found["confidence"])
    assert not found["is_repaired"]
    assert found["repair"] == ""


def test_what_repair_makes_later_is_known_too(scores):
    mask = RepairedMask(5, 20.0, 12.0, 80, 0.6, 0.9, Repair("split", True, 0.5))
    scores.add_repaired((1,), [mask])
    scores.add_repaired((1,), [])
    assert look(scores, (1,), 5, 20.0, 80)["repair"] == "split"
    assert look(scores, (0,), 5, 20.0, 80)["repair"] == ""
    # A newer mask of the same place counts.
    again = RepairedMask(3, 10.0, 12.0, 100, 0.6, 0.9, Repair("redrawn", True, 0.5))
    scores.add_repaired((1,), [again])
    assert look(scores, (1,), 3, 10.0)["repair"] == "redrawn"
