import numpy as np
import pytest

from napari_segment_anything.engine.mask_arrays import from_arrays, to_arrays
from napari_segment_anything.engine.mask_set import MaskSet, interior_point
from napari_segment_anything.errors import InvalidImageError


@pytest.fixture
def labels():
    labels = np.zeros((8, 10), np.uint16)
    labels[1:4, 1:4] = 7
    labels[2:6, 5:9] = 3
    labels[7, 0] = 500
    return labels


def test_labels_come_back_in_order_of_their_ids(labels):
    masks = MaskSet.from_labels(labels)
    ids = np.unique(labels)[1:]
    assert len(masks) == 3
    for i, number in enumerate(ids):
        np.testing.assert_array_equal(masks.full_mask(i), labels == number)
    np.testing.assert_array_equal(masks.boxes[0], [2, 5, 6, 9])


def test_areas_and_centroids(labels):
    masks = MaskSet.from_labels(labels)
    np.testing.assert_array_equal(masks.areas, [16, 9, 1])
    np.testing.assert_allclose(masks.centroids, [[3.5, 6.5], [2, 2], [7, 0]])


def test_labels_without_ground_or_without_objects():
    assert len(MaskSet.from_labels(np.full((3, 3), 5))) == 1
    assert len(MaskSet.from_labels(np.zeros((3, 3), int))) == 0


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros((2, 2, 2), int)])
def test_what_is_not_a_label_image_is_refused(bad):
    with pytest.raises(InvalidImageError, match="2-D image of integers"):
        MaskSet.from_labels(bad)


def test_points_lie_inside_of_ring_shaped_objects():
    y, x = np.indices((41, 41)) - 20
    radius = np.hypot(y, x)
    ring = (radius > 8) & (radius < 16)
    masks = MaskSet.from_labels(ring.astype(int))
    py, px = masks.points[0].astype(int)
    assert ring[py, px]
    assert 11 <= radius[py, px] <= 13


def test_interior_point_of_a_square_is_its_middle():
    mask = np.zeros((9, 9), bool)
    mask[1:8, 1:8] = True
    assert interior_point(mask) == (4, 4)
    # The edge of the array is a border as well.
    assert interior_point(np.ones((5, 5), bool)) == (2, 2)


def test_select_by_slice_positions_and_booleans(labels):
    masks = MaskSet.from_labels(labels)
    for index in (slice(1, 3), [1, 2], np.array([False, True, True])):
        np.testing.assert_array_equal(masks.select(index).areas, [9, 1])
    assert len(masks.select(np.zeros(3, bool))) == 0
    assert len(masks.select([])) == 0


def test_iou_of_shifted_squares():
    one, two = np.zeros((6, 6), int), np.zeros((6, 6), int)
    one[0:4, 0:4] = 1
    two[2:6, 2:6] = 1
    two[0, 5] = 2
    first, second = MaskSet.from_labels(one), MaskSet.from_labels(two)
    assert first.iou_with(0, second, 0) == pytest.approx(4 / 28)
    np.testing.assert_allclose(first.overlap_matrix(second), [[4 / 28, 0]])
    np.testing.assert_array_equal(first.intersection_matrix(second), [[4, 0]])


def test_overlap_matrix_equals_that_of_whole_masks():
    rng = np.random.default_rng(3)
    first = MaskSet.from_labels(rng.integers(0, 4, (12, 15)))
    second = MaskSet.from_labels(rng.integers(0, 6, (12, 15)))
    iou = first.overlap_matrix(second)
    for i in range(len(first)):
        for j in range(len(second)):
            a, b = first.full_mask(i), second.full_mask(j)
            assert iou[i, j] == pytest.approx((a & b).sum() / (a | b).sum())


def test_arrays_come_back(labels):
    masks = MaskSet.from_labels(labels)
    back = from_arrays(to_arrays(masks))
    assert back.shape == masks.shape
    for name in ("boxes", "predicted_iou", "stability_score", "points"):
        np.testing.assert_array_equal(getattr(back, name), getattr(masks, name))
    for i in range(len(masks)):
        np.testing.assert_array_equal(back.masks[i], masks.masks[i])


def test_nothing_comes_back_as_nothing():
    empty = MaskSet.empty((5, 6))
    back = from_arrays(to_arrays(empty))
    assert (len(back), back.shape) == (0, (5, 6))
    assert back.areas.shape == (0,)
    assert back.centroids.shape == (0, 2)
    assert empty.overlap_matrix(empty).shape == (0, 0)


def test_concatenation_keeps_order_and_needs_one_plane(labels):
    masks = MaskSet.from_labels(labels)
    both = MaskSet.concatenate([masks, MaskSet.empty(labels.shape), masks])
    np.testing.assert_array_equal(both.areas, [16, 9, 1, 16, 9, 1])
    with pytest.raises(InvalidImageError, match="one plane"):
        MaskSet.concatenate([masks, MaskSet.empty((1, 1))])


@pytest.mark.parametrize("ids", [(3, 7), (-2, 5), (10, 2_000_000)])
def test_ids_of_any_size_are_objects_in_their_order(ids):
    labels = np.zeros((6, 8), np.int32)
    labels[4:, 1:3] = ids[0]
    labels[:2, 5:] = ids[1]
    masks = MaskSet.from_labels(labels)
    assert masks.boxes.tolist() == [[4, 1, 6, 3], [0, 5, 2, 8]]
    assert masks.areas.tolist() == [4, 6]
