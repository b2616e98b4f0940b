import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.stretch import Stretch


@pytest.mark.parametrize(
    ("size", "stretch"),
    [
        ((1.0, 1.0), Stretch()),
        ((0.3, 0.21), Stretch()),
        ((2.0, 0.5), Stretch(4, 1)),
        ((0.25, 0.7), Stretch(1, 3)),
        ((900.0, 1.0), Stretch(8, 1)),
        ((0.0, 1.0), Stretch()),
        ((float("inf"), 1.0), Stretch()),
        ((1.0, float("nan")), Stretch()),
    ],
)
def test_pixels_become_nearly_square(size, stretch):
    assert Stretch.of_pixel(*size) == stretch
    assert stretch.is_needed == (stretch != Stretch(1, 1))


def test_an_image_is_interpolated_between_its_pixels():
    image = np.array([[0, 0], [8, 8]], np.uint8)
    stretched = Stretch(4, 1).pixels(image)
    # Centres of the new rows lie 1/8, 3/8 … of a row from the edge.
    assert stretched[:, 0].tolist() == [0, 0, 1, 3, 5, 7, 8, 8]
    assert stretched.shape == (8, 2)
    colours = np.zeros((3, 5, 3), np.uint8)
    assert Stretch(1, 2).pixels(colours).shape == (3, 10, 3)
    assert Stretch().pixels(image) is image


def test_prompts_stay_where_they_are():
    prompts = Prompts(
        points=np.array([[[0.0, 3.0], [2.0, 1.0]]]),
        point_labels=np.array([[1, 0]]),
        boxes=np.array([[-0.5, 0, 1.5, 4]]),
    )
    stretched = Stretch(4, 1).prompts(prompts)
    # A pixel's centre is the middle of the four that it becomes, its edge their edge.
    assert stretched.points.tolist() == [[[1.5, 3], [9.5, 1]]]
    assert stretched.boxes.tolist() == [[-0.5, 0, 7.5, 4]]


@pytest.mark.parametrize("stretch", [Stretch(4, 1), Stretch(1, 3), Stretch()])
def test_masks_come_back_as_they_were(stretch):
    labels = np.random.default_rng(0).integers(0, 4, (9, 11))
    masks = MaskSet.from_labels(labels)
    large = stretch.masks(masks)
    assert large.shape == (9 * stretch.rows, 11 * stretch.columns)
    assert (
        large.areas.tolist() == (masks.areas * stretch.rows * stretch.columns).tolist()
    )
    again = stretch.shrunk(large, (9, 11))
    for number in range(len(masks)):
        np.testing.assert_array_equal(again.full_mask(number), labels == number + 1)
    np.testing.assert_allclose(again.points, masks.points)


def test_a_pixel_belongs_to_what_covers_half_of_it():
    tall = np.zeros((12, 3), bool)
    tall[2:7, 0] = True  # half of the first four rows, three of the next
    tall[1:2, 2] = True  # a quarter
    boxes = [(2, 0, 7, 1), (1, 2, 2, 3)]
    masks = MaskSet.from_masks(
        (12, 3),
        boxes,
        [tall[2:7, :1], tall[1:2, 2:]],
        predicted_iou=[0.9, 0.8],
        points=[(4, 0), (1, 2)],
    )
    shrunk = Stretch(4, 1).shrunk(masks, (3, 3))
    assert shrunk.boxes.tolist() == [[0, 0, 2, 1], [0, 0, 0, 0]]
    assert shrunk.areas.tolist() == [2, 0]
    np.testing.assert_allclose(shrunk.predicted_iou, [0.9, 0])


@pytest.mark.parametrize("stretch", [Stretch(4, 1), Stretch(1, 3), Stretch()])
def test_labels_come_back_as_they_were(stretch):
    labels = np.random.default_rng(0).integers(0, 4, (9, 11)).astype(np.int32)
    large = labels.repeat(stretch.rows, axis=0).repeat(stretch.columns, axis=1)
    np.testing.assert_array_equal(stretch.shrunk_labels(large), labels)


@pytest.mark.parametrize(
    ("parts", "label"),
    [
        ([0, 0, 5, 5], 5),
        ([5, 0, 0, 0], 0),
        ([2, 2, 7, 7], 2),
        ([7, 0, 7, 2], 7),
        ([0, 3, 3, 3], 3),
        ([1, 2, 3, 4], 0),
    ],
)
def test_a_pixel_gets_the_label_that_covers_half_of_it(parts, label):
    column = np.array(parts, np.int32)[:, np.newaxis]
    assert Stretch(4, 1).shrunk_labels(column).tolist() == [[label]]
    assert Stretch(1, 4).shrunk_labels(column.T).tolist() == [[label]]


def test_labels_and_masks_shrink_alike():
    labels = np.zeros((24, 10), np.int32)
    labels[1:11, 2:8] = 1
    labels[13:22, 1:6] = 2
    stretch = Stretch(4, 1)
    masks = stretch.shrunk(MaskSet.from_labels(labels), (6, 10))
    shrunk = stretch.shrunk_labels(labels)
    for k in range(2):
        np.testing.assert_array_equal(masks.full_mask(k), shrunk == k + 1)
