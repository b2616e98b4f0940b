import numpy as np
from scipy import ndimage

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.rims import CHOSEN, OTHER, paint_rims, rim


def disk(radius, centre=(150, 150)):
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    top, left = centre[0] - radius, centre[1] - radius
    box = (top, left, top + 2 * radius + 1, left + 2 * radius + 1)
    return box, y**2 + x**2 <= radius**2


def masks(*disks):
    return MaskSet.from_masks((400, 400), [b for b, _ in disks], [m for _, m in disks])


def test_a_rim_is_what_erosion_takes_away():
    rng = np.random.default_rng(0)
    mask = ndimage.binary_opening(rng.random((60, 70)) < 0.8)
    for width in (1, 2, 5):
        core = ndimage.binary_erosion(mask, iterations=width)
        np.testing.assert_array_equal(rim(mask, width), mask & ~core)


def test_filled_contours_are_the_masks():
    shown = masks(disk(20), disk(30, (60, 60)))
    top, left, crop = paint_rims(shown)
    assert (top, left) == (30, 30)
    whole = np.zeros((400, 400), bool)
    whole[30 : 30 + crop.shape[0], 30 : 30 + crop.shape[1]] = crop == CHOSEN
    expected = shown.full_mask(0) | shown.full_mask(1)
    np.testing.assert_array_equal(ndimage.binary_fill_holes(whole), expected)


def test_other_sizes_are_thin_dashed_and_below():
    small, medium, large = disk(10), disk(20), disk(40)
    _, _, crop = paint_rims(masks(medium), masks(small, large))
    solid = np.count_nonzero(crop == CHOSEN)
    for radius in (10, 40):
        there = rim(disk(radius)[1], 1)
        part = crop[40 - radius : 41 + radius, 40 - radius : 41 + radius]
        dashes = np.count_nonzero(part[there] == OTHER)
        assert 0.5 * there.sum() < dashes < 0.8 * there.sum()
    alone = paint_rims(masks(medium))[2]
    assert solid == np.count_nonzero(alone)


def test_what_looks_the_same_is_drawn_once():
    _, _, crop = paint_rims(masks(disk(40)), masks(disk(40), disk(39), disk(10)))
    rows, columns = np.nonzero(crop == OTHER)
    assert np.hypot(rows - 40, columns - 40).max() <= 10


def test_a_large_object_has_a_wider_contour():
    top, left, crop = paint_rims(masks(((0, 0, 400, 400), np.ones((400, 400), bool))))
    assert (top, left, crop.shape) == (0, 0, (400, 400))
    assert np.count_nonzero(crop[200]) == 2 * 2
    large = MaskSet.from_masks(
        (900, 900), [(0, 0, 900, 900)], [np.ones((900, 900), bool)]
    )
    assert np.count_nonzero(paint_rims(large)[2][450]) == 2 * 4


def test_without_a_mask_nothing_is_shown():
    empty = MaskSet.from_masks(
        (9, 9), [(0, 0, 0, 0)], [np.zeros((0, 0), bool)], points=[(0, 0)]
    )
    assert not paint_rims(empty)[2].any()
    assert not paint_rims(MaskSet.empty((9, 9)), empty)[2].any()
