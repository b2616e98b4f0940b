import numpy as np

from napari_segment_anything.engine.crop_masks import CropMasks


def test_masks_come_back_after_joining_and_picking():
    rng = np.random.default_rng(0)
    masks = [rng.random((h, w)) < 0.5 for h, w in ((3, 4), (1, 1), (5, 2))]
    boxes = [(0, 0, 3, 4), (7, 7, 8, 8), (2, 3, 7, 5)]
    first = CropMasks.encode(boxes[:2], masks[:2], [0.1, 0.2], [1, 1], [(1, 1), (7, 7)])
    second = CropMasks.encode(boxes[2:], masks[2:], [0.3], [0.5], [(4, 4)])
    joined = CropMasks.concatenate([first, CropMasks.empty(), second])
    picked = joined.select(np.array([2, 0])).to_mask_set((10, 10))
    np.testing.assert_array_equal(picked.masks[0], masks[2])
    np.testing.assert_array_equal(picked.masks[1], masks[0])
    np.testing.assert_allclose(picked.predicted_iou, [0.3, 0.1])
    np.testing.assert_array_equal(picked.points, [[4, 4], [1, 1]])


def test_nothing_found():
    assert len(CropMasks.concatenate([])) == 0
    assert len(CropMasks.encode([], [], [], [], [])) == 0
    assert CropMasks.empty().to_mask_set((3, 4)).shape == (3, 4)
