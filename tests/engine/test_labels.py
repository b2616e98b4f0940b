import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_segment_anything.engine.labels import (
    disjoint_masks,
    largest_region,
    masks_to_labels,
    remove_small_regions,
    without_holes,
)
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError


def rectangles(shape, boxes, scores):
    masks = [np.ones((y1 - y0, x1 - x0), bool) for y0, x0, y1, x1 in boxes]
    return MaskSet.from_masks(shape, boxes, masks, predicted_iou=scores)


def test_the_rule_decides_who_gets_shared_pixels():
    masks = rectangles((10, 10), [(0, 0, 8, 8), (6, 0, 10, 8)], [0.8, 0.9])
    # Ids follow position, so the upper rectangle is 1 whatever the rule.
    assert (masks_to_labels(masks, overlap="best")[6:8, :8] == 2).all()
    assert (masks_to_labels(masks, overlap="smaller")[6:8, :8] == 2).all()
    assert (masks_to_labels(masks, overlap="larger")[6:8, :8] == 1).all()
    with pytest.raises(InvalidSettingsError, match="rule"):
        masks_to_labels(masks, overlap="both")


def test_what_is_mostly_covered_is_dropped():
    masks = rectangles((10, 10), [(0, 0, 6, 6), (0, 0, 6, 9)], [0.9, 0.8])
    labels = masks_to_labels(masks)
    assert labels.max() == 1
    assert (labels > 0).sum() == 36
    assert masks_to_labels(masks, min_visible=0).max() == 2


def test_ids_follow_position_not_score():
    masks = rectangles(
        (10, 10), [(6, 0, 8, 2), (0, 5, 2, 7), (0, 0, 2, 2)], [0.9, 0.8, 0.7]
    )
    labels = masks_to_labels(masks)
    assert (labels[0, 0], labels[0, 5], labels[6, 0]) == (1, 2, 3)


def test_small_objects_are_dropped_and_ids_have_no_gaps():
    masks = rectangles((10, 10), [(0, 0, 1, 1), (5, 5, 8, 8)], [0.9, 0.8])
    labels = masks_to_labels(masks, min_area=2)
    np.testing.assert_array_equal(np.unique(labels), [0, 1])


def test_holes_are_filled_unless_another_object_lies_there():
    ring = np.ones((7, 7), bool)
    ring[2:5, 2:5] = False
    alone = MaskSet.from_masks((7, 7), [(0, 0, 7, 7)], [ring])
    assert (masks_to_labels(alone) == 1).all()
    assert (masks_to_labels(alone, fill_holes=False) == 0).sum() == 9
    inner = rectangles((7, 7), [(3, 3, 4, 4)], [2.0])
    labels = masks_to_labels(MaskSet.concatenate([alone, inner]))
    assert (labels == 2).sum() == 1
    assert (labels == 1).sum() == 48


def test_labels_without_objects():
    labels = masks_to_labels(MaskSet.empty((4, 5)), dtype=np.uint16)
    assert labels.dtype == np.uint16
    assert not labels.any()
    assert labels.shape == (4, 5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_every_object_is_one_region_inside_of_a_mask(seed):
    rng = np.random.default_rng(seed)
    parts = [
        MaskSet.from_labels((rng.random((14, 17)) < 0.7).astype(int)) for _ in range(4)
    ]
    masks = MaskSet.concatenate(parts)
    labels = masks_to_labels(masks, min_visible=0, fill_holes=False)
    ids = np.unique(labels)[np.unique(labels) > 0]
    np.testing.assert_array_equal(ids, np.arange(1, len(ids) + 1))
    for number in ids:
        assert ndimage.label(labels == number)[1] == 1
    union = np.any([masks.full_mask(i) for i in range(len(masks))], axis=0)
    assert not labels[~union].any()


def test_distinct_objects_come_back_unchanged(disks_image):
    labels = masks_to_labels(MaskSet.from_labels(disks_image.labels))
    np.testing.assert_array_equal(labels > 0, disks_image.labels > 0)
    assert labels.max() == disks_image.n_disks


def test_largest_region():
    mask = np.array([[1, 0, 1], [1, 0, 0]], bool)
    np.testing.assert_array_equal(largest_region(mask), [[1, 0, 0], [1, 0, 0]])


def test_small_holes_and_islands_are_removed():
    mask = np.zeros((12, 12), bool)
    mask[0:8, 0:8] = True
    mask[3, 3] = False  # a hole of 1
    mask[5:7, 4:7] = False  # a hole of 6
    mask[10:12, 10:12] = True  # an island of 4
    cleaned, is_changed = remove_small_regions(mask, 5)
    assert is_changed
    assert cleaned[3, 3]
    assert not cleaned[5:7, 4:7].any()
    assert not cleaned[10:, 10:].any()
    unchanged, is_changed = remove_small_regions(cleaned, 5)
    assert not is_changed
    np.testing.assert_array_equal(unchanged, cleaned)


def test_of_small_islands_alone_the_largest_stays():
    mask = np.zeros((6, 6), bool)
    mask[0, 0] = mask[3, 3:5] = True
    cleaned, _ = remove_small_regions(mask, 10)
    assert cleaned.sum() == 2
    assert cleaned[3, 3]


def test_disjoint_objects_keep_the_scores_of_their_masks():
    masks = MaskSet.from_masks(
        (10, 20),
        [(2, 8, 8, 18), (2, 2, 8, 12)],
        [np.ones((6, 10), bool), np.ones((6, 10), bool)],
        predicted_iou=[0.5, 0.9],
        stability_score=[0.6, 0.8],
        points=[[5, 15], [5, 5]],
    )
    objects = disjoint_masks(masks)
    assert objects.boxes.tolist() == [[2, 2, 8, 12], [2, 12, 8, 18]]
    np.testing.assert_allclose(objects.predicted_iou, [0.9, 0.5])
    np.testing.assert_allclose(objects.stability_score, [0.8, 0.6])
    assert objects.points.tolist() == [[5, 5], [5, 15]]
    assert len(disjoint_masks(MaskSet.empty((4, 4)))) == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (40, 50)])
def test_holes_are_those_of_scipy(shape):
    rng = np.random.default_rng(0)
    for density in (0.0, 0.3, 0.5, 0.7, 1.0):
        mask = rng.random(shape) < density
        expected = ndimage.binary_fill_holes(mask)
        np.testing.assert_array_equal(without_holes(mask), expected)
