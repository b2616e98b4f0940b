"""Cells that are still one where two parts are seen."""

import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.propagation import track_masks
from napari_segment_anything.tracking.undivided import convex_hull, is_still_one

from .movies import TruthPredictor, disks, from_full
from .test_propagation import run


def early_division():
    """A cell whose nucleus parts in frames 3 and 4 and that divides in frame 5.

    Returns what is detected, and the truth.
    """
    whole = disks((48, 80, 16))
    parts = disks((48, 70, 8), (48, 90, 8))
    daughters = disks((48, 66, 11), (48, 94, 11))
    truth = [whole] * 5 + [daughters] * 3
    return [whole] * 3 + [parts] * 2 + [daughters] * 3, truth


def test_a_cell_is_one_until_it_divides():
    found, truth = early_division()
    _, result = run(track_masks(found, TruthPredictor(truth)))
    assert [len(frame) for frame in result.frames] == [1] * 5 + [2] * 3
    assert len(result.lineage.divisions) == 1
    ((parent, children),) = result.lineage.divisions
    assert result.lineage.by_id[parent].end == 4
    assert [result.lineage.by_id[child].start for child in children] == [5, 5]
    assert {made.word for made in result.repairs.values()} == {"joined"}


def test_daughters_that_keep_the_area_stay_two():
    whole = disks((48, 80, 14))
    daughters = disks((48, 69, 10), (48, 91, 10))
    found = [whole] * 3 + [daughters] * 4
    hull = [convex_hull(frame) for frame in found]
    # The model would draw a whole around them as surely as two.
    _, result = run(track_masks(found, TruthPredictor(hull)))
    assert [len(frame) for frame in result.frames] == [1] * 3 + [2] * 4


@pytest.mark.parametrize(
    ("score", "around", "expected"),
    [
        # As sure, and the area changes as little: two have the benefit of the doubt.
        (0.8, (400, 1400), False),
        # Clearly surer.
        (0.91, (400, 1400), True),
        # Less sure, and nothing makes up for it.
        (0.7, (400, 1400), False),
        # Less sure, but otherwise the area would fall to a half and double again.
        (0.7, (1000, 1000), True),
        # As sure, but daughters of the mother's area are no half-filled cell.
        (0.8, (500, 500), False),
    ],
)
def test_consistency_makes_up_for_confidence(score, around, expected):
    def square(*areas, score):
        masks = [np.ones((1, area), bool) for area in areas]
        boxes = [(k, 0, k + 1, area) for k, area in enumerate(areas)]
        scores = [score] * len(areas)
        return MaskSet.from_masks((9, 2000), boxes, masks, predicted_iou=scores)

    whole, parts = square(1000, score=score), square(250, 250, score=0.8)
    assert is_still_one(whole, parts, around) is expected


def test_hull_holds_both_and_what_lies_between():
    parts = disks((30, 40, 8), (30, 70, 8))
    hull = convex_hull(parts)
    full = hull.full_mask(0)
    assert full[30, 55]
    assert full[parts.full_mask(0)].all()
    assert full[parts.full_mask(1)].all()
    assert not full[12, 55]
    line = np.zeros(parts.shape, bool)
    line[5, 3:9] = True
    assert (convex_hull(from_full([line])).full_mask(0) == line).all()
