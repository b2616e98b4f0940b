import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.errors import InvalidImageError

SHAPES = [(64, 64), (100, 37), (37, 100), (300, 411), (1, 9), (129, 128), (700, 40)]


def two_step_bilinear(logits, geometry):
    """What SAM's postprocessing does, on the whole plane."""
    height, width = geometry.scaled_shape
    frame = functional.interpolate(
        torch.from_numpy(logits)[None, None],
        size=(geometry.frame_size, geometry.frame_size),
        mode="bilinear",
        align_corners=False,
    )[..., :height, :width]
    plane = functional.interpolate(
        frame, size=geometry.plane_shape, mode="bilinear", align_corners=False
    )
    return plane[0, 0].numpy()


@pytest.mark.parametrize("shape", SHAPES)
def test_upscaling_flips_no_pixel_of_two_step_bilinear(shape):
    geometry = FrameGeometry(shape, 128)
    logits = np.random.default_rng(1).normal(0, 3, (64, 64)).astype(np.float32)
    expected = two_step_bilinear(logits, geometry)
    upscaled = geometry.low_res_to_plane(logits)
    np.testing.assert_allclose(upscaled, expected, atol=1e-5)
    assert np.count_nonzero((upscaled > 0) != (expected > 0)) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_upscaling_column_by_column_gives_the_same(shape):
    geometry = FrameGeometry(shape, 128)
    logits = np.random.default_rng(1).normal(0, 3, (64, 64)).astype(np.float32)
    by_column = geometry.low_res_to_plane(logits, order="F")
    assert by_column.flags.f_contiguous
    by_row = geometry.low_res_to_plane(logits, order="C")
    assert by_row.flags.c_contiguous
    np.testing.assert_allclose(by_column, by_row, atol=1e-5)
    assert np.count_nonzero((by_column > 0) != (by_row > 0)) == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_upscaling_of_a_box_is_the_box_of_the_upscaling(shape):
    geometry = FrameGeometry(shape, 128)
    logits = np.random.default_rng(2).normal(0, 3, (64, 64)).astype(np.float32)
    y0, x0 = shape[0] // 3, shape[1] // 2
    box = (y0, x0, shape[0] // 3 + 1 + shape[0] // 2, shape[1])
    whole = geometry.low_res_to_plane(logits)
    part = geometry.low_res_to_plane(logits, box)
    np.testing.assert_allclose(part, whole[y0 : box[2], x0:], atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_support_box_holds_everything_that_a_low_res_box_can_change(shape):
    geometry = FrameGeometry(shape, 128)
    height, width = geometry.low_res_shape(64)
    low_res_box = (height // 2, width // 3, height // 2 + 1, width // 3 + 1)
    impulse = np.zeros((64, 64), np.float32)
    impulse[low_res_box[0], low_res_box[1]] = 1
    touched = np.argwhere(two_step_bilinear(impulse, geometry) > 0)
    # A plane far smaller than the frame does not sample every pixel of it.
    expected = (0, 0, 0, 0)
    if len(touched):
        expected = (*touched.min(axis=0), *(touched.max(axis=0) + 1))
    assert geometry.support_box(low_res_box, 64) == expected


def test_padding_supports_nothing():
    geometry = FrameGeometry((32, 128), 128)
    assert geometry.support_box((40, 0, 64, 64), 64) == (0, 0, 0, 0)


def test_corners_of_the_plane_are_corners_of_the_scaled_plane():
    geometry = FrameGeometry((50, 200), 1024)
    assert geometry.scaled_shape == (256, 1024)
    # The outer border of the plane, half a pixel beyond the outermost centres.
    corners = geometry.points_to_frame_xy([[-0.5, -0.5], [49.5, 199.5]])
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [1023.5, 255.5]])


def test_a_plane_of_the_frames_size_keeps_its_coordinates_but_swaps_their_order():
    geometry = FrameGeometry((512, 512), 512)
    np.testing.assert_array_equal(geometry.points_to_frame_xy([[3, 7]]), [[7, 3]])
    boxes = geometry.boxes_to_frame_xyxy([[1, 2, 30, 40]])
    np.testing.assert_array_equal(boxes, [[2, 1, 40, 30]])


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([128, 512, 1024]),
)
def test_points_come_back(height, width, y, x, frame_size):
    geometry = FrameGeometry((height, width), frame_size)
    point = np.array([y * (height - 1), x * (width - 1)])
    low_res = geometry.points_to_low_res(point, 256)
    np.testing.assert_allclose(
        geometry.points_from_low_res(low_res, 256), point, atol=2e-2
    )
    frame_xy = geometry.points_to_frame_xy(point)
    np.testing.assert_allclose(
        geometry.points_from_frame_xy(frame_xy), point, atol=2e-2
    )


def test_mask_at_low_resolution_covers_the_same_place():
    geometry = FrameGeometry((90, 120), 128)
    mask = np.zeros((90, 120), bool)
    mask[30:60, 40:80] = True
    fraction = geometry.plane_to_low_res(mask[30:60, 40:80], (30, 40, 60, 80), 64)
    assert fraction.min() >= 0
    assert fraction.max() <= 1 + 1e-5
    restored = geometry.low_res_to_plane(fraction - 0.5) > 0
    overlap = (restored & mask).sum() / (restored | mask).sum()
    assert overlap > 0.9


def test_a_plane_without_pixels_is_refused():
    with pytest.raises(InvalidImageError, match="no pixels"):
        FrameGeometry((0, 10), 128)


def test_logits_may_be_a_view_that_runs_backwards():
    geometry = FrameGeometry((40, 30), 128)
    logits = np.random.default_rng(3).normal(0, 3, (32, 32)).astype(np.float32)
    turned = logits[::-1]
    np.testing.assert_array_equal(
        geometry.low_res_to_plane(turned), geometry.low_res_to_plane(turned.copy())
    )
