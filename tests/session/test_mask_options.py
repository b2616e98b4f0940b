import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.mask_options import MaskOptions


def mask_set(mask, corner=(5, 7)):
    y, x = corner
    box = (y, x, y + mask.shape[0], x + mask.shape[1])
    return MaskSet.from_masks((60, 60), [box], [mask], predicted_iou=[0.5])


def ring_and_island():
    mask = np.zeros((11, 20), bool)
    mask[:, :11] = True
    mask[4:7, 4:7] = False
    mask[2:4, 17:19] = True
    return mask


def test_holes_are_filled_by_default_and_islands_stay():
    (clean,) = MaskOptions().apply(mask_set(ring_and_island())).masks
    assert clean[5, 5]
    assert clean[2, 17]


def test_only_the_largest_region_is_cut_to_a_new_box():
    options = MaskOptions(fill_holes=False, keep_largest=True)
    masks = options.apply(mask_set(ring_and_island()))
    assert masks.boxes.tolist() == [[5, 7, 16, 18]]
    assert not masks.masks[0][5, 5]
    assert masks.predicted_iou.tolist() == [0.5]


def test_smoothing_takes_thorns_but_not_the_object():
    mask = np.zeros((21, 30), bool)
    mask[5:16, 5:16] = True
    mask[10, 16:28] = True
    masks = MaskOptions(smooth=2).apply(mask_set(mask))
    assert masks.boxes[0, 3] <= 7 + 18
    assert masks.areas[0] >= 0.9 * 121
    # What is smaller than the disk is left rough rather than taken away.
    speck = MaskOptions(smooth=4).apply(mask_set(np.ones((2, 2), bool)))
    assert speck.areas.tolist() == [4]


@pytest.mark.parametrize("options", [MaskOptions(), MaskOptions(True, True, 3)])
def test_empty_masks_and_sets_stay_empty(options):
    assert options.apply(mask_set(np.zeros((3, 3), bool))).areas.tolist() == [0]
    assert len(options.apply(MaskSet.empty((9, 9)))) == 0
