import numpy as np
import pytest
from scipy import ndimage

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_logits import (
    bounding_box,
    crop_tightly,
    mask_in_plane,
    stable_mask_in_plane,
    threshold_box,
)

SHAPES = [(64, 64), (150, 61), (61, 150), (128, 100)]


def smooth_logits(seed):
    noise = np.random.default_rng(seed).normal(size=(64, 64))
    smooth = ndimage.gaussian_filter(noise, 3)
    return (smooth / smooth.std() * 2 - 2).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_boxed_mask_equals_the_mask_of_the_whole_plane(shape, seed):
    geometry = FrameGeometry(shape, 128)
    logits = smooth_logits(seed)
    whole = geometry.low_res_to_plane(logits)
    box, mask, stability = stable_mask_in_plane(logits, geometry)
    full = np.zeros(shape, bool)
    full[box[0] : box[2], box[1] : box[3]] = mask
    np.testing.assert_array_equal(full, whole > 0)
    assert box == bounding_box(whole > 0)
    assert stability == pytest.approx((whole > 1).sum() / (whole > -1).sum())
    plain_box, plain_mask = mask_in_plane(logits, geometry)
    assert plain_box == box
    np.testing.assert_array_equal(plain_mask, mask)
    by_column = stable_mask_in_plane(logits, geometry, order="F")
    assert (by_column[0], by_column[2]) == (box, stability)
    assert by_column[1].flags.f_contiguous
    np.testing.assert_array_equal(by_column[1], mask)


def test_a_mask_in_the_padding_is_empty():
    geometry = FrameGeometry((32, 128), 128)
    logits = np.full((64, 64), -5, np.float32)
    logits[40:] = 5
    assert threshold_box(logits, geometry, 0.0) is None
    assert mask_in_plane(logits, geometry) is None


def test_stability_is_one_for_steep_and_low_for_shallow_borders():
    geometry = FrameGeometry((128, 128), 128)
    steep = np.full((64, 64), -2000, np.float32)
    steep[20:40, 20:40] = 2000
    shallow = np.full((64, 64), -0.5, np.float32)
    shallow[20:40, 20:40] = 2
    assert stable_mask_in_plane(steep, geometry)[2] > 0.99
    # Above 1 only the square, above -1 all of the plane.
    assert stable_mask_in_plane(shallow, geometry)[2] < 400 / 4096


def test_crop_keeps_the_place_of_the_pixels():
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:7] = True
    box, cropped = crop_tightly(mask, (10, 20, 16, 28))
    assert box == (12, 23, 14, 27)
    assert cropped.all()
    assert crop_tightly(np.zeros((3, 3), bool), (0, 0, 3, 3)) is None
