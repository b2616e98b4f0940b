import numpy as np
import pytest

from napari_segment_anything.storage import pyramid
from napari_segment_anything.storage.pyramid import (
    image_levels,
    label_levels,
    level_shape,
    n_levels,
)


@pytest.mark.parametrize(
    ("shape", "levels"),
    [((256, 256), 1), ((257, 10), 2), ((1000, 2000), 4), ((20_000, 20_000), 8)],
)
def test_levels_end_where_a_plane_is_seen_at_one_glance(shape, levels):
    assert n_levels(shape) == levels


def test_odd_lengths_are_rounded_up():
    assert [level_shape((601, 5), level) for level in range(4)] == [
        (601, 5),
        (301, 3),
        (151, 2),
        (76, 1),
    ]
    smaller = list(label_levels(np.ones((601, 5), np.int32), 4))
    assert [plane.shape for plane in smaller] == [(601, 5), (301, 3), (151, 2), (76, 1)]
    assert all((plane == 1).all() for plane in smaller)


@pytest.mark.parametrize(
    ("square", "label"),
    [
        ([[5, 5], [7, 7]], 5),
        ([[5, 7], [7, 7]], 7),
        ([[1, 7], [7, 2]], 7),
        ([[1, 2], [7, 7]], 7),
        ([[0, 0], [0, 7]], 7),
        ([[0, 3], [3, 9]], 3),
        ([[0, 0], [0, 0]], 0),
    ],
)
def test_a_pixel_gets_the_label_that_most_of_its_square_has(square, label):
    _, smaller = label_levels(np.array(square, np.int32), 2)
    assert smaller.tolist() == [[label]]


def test_a_line_of_one_pixel_does_not_vanish():
    labels = np.zeros((512, 512), np.int32)
    labels[:, 255] = 4
    *_, smallest = label_levels(labels, 4)
    assert (smallest == 4).any(axis=1).all()


def test_images_are_averaged_in_their_own_dtype():
    plane = np.array([[60_000, 60_002], [60_004, 60_006]], np.uint16)
    _, smaller = image_levels(plane, 2)
    assert (smaller.dtype, smaller.tolist()) == (np.uint16, [[60_003]])
    _, colours = image_levels(np.stack([plane] * 3, axis=-1), 2)
    assert colours.shape == (1, 1, 3)


@pytest.mark.parametrize("levels_of", [label_levels, image_levels])
def test_strips_of_a_large_plane_make_no_seams(levels_of, monkeypatch):
    plane = np.random.default_rng(0).integers(0, 5, (101, 37), dtype=np.int32)
    whole = [level.copy() for level in levels_of(plane, 4)]
    monkeypatch.setattr(pyramid, "_STRIP_PIXELS", 3 * 37)
    for strips, expected in zip(levels_of(plane, 4), whole, strict=True):
        np.testing.assert_array_equal(strips, expected)
