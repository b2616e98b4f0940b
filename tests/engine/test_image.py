import numpy as np
import pytest

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.image import (
    as_rgb,
    check_plane,
    frame_image,
    resize_to_frame,
)
from napari_segment_anything.errors import InvalidImageError


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        (np.zeros((0, 4)), "no pixels"),
        (np.zeros((4, 4), object), "object"),
        (np.zeros((4, 4), complex), "complex"),
        (np.zeros(4), "shape"),
        (np.zeros((4, 4, 4)), "shape"),
        (np.zeros((2, 4, 4, 3)), "shape"),
        (np.array([["a"]]), "dtype"),
    ],
)
def test_what_is_not_a_plane_is_refused_with_a_reason(plane, reason):
    with pytest.raises(InvalidImageError, match=reason):
        check_plane(plane)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float16])
def test_planes_of_real_numbers_pass(dtype):
    assert check_plane(np.ones((1, 1), dtype)).shape == (1, 1)


def test_grey_becomes_three_equal_channels():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for plane in (grey, grey[..., None]):
        np.testing.assert_array_equal(as_rgb(plane), np.stack([grey] * 3, axis=-1))
    rgb = np.zeros((2, 3, 3), np.uint8)
    assert as_rgb(rgb) is rgb


@pytest.mark.parametrize("shape", [(300, 200), (60, 128), (128, 128), (40, 20)])
def test_resizing_matches_pillow(shape):
    image_module = pytest.importorskip("PIL.Image")
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    geometry = FrameGeometry(shape, 128)
    height, width = geometry.scaled_shape
    reference = image_module.fromarray(rgb).resize(
        (width, height), image_module.Resampling.BILINEAR
    )
    resized = resize_to_frame(rgb, geometry)
    assert resized.dtype == np.uint8
    difference = np.abs(resized.astype(int) - np.asarray(reference).astype(int))
    assert difference.max() <= 1


def test_resizing_grey_equals_resizing_its_copies():
    grey = np.random.default_rng(0).integers(0, 256, (50, 70), np.uint8)
    geometry = FrameGeometry(grey.shape, 128)
    np.testing.assert_array_equal(
        resize_to_frame(as_rgb(grey), geometry),
        resize_to_frame(np.stack([grey] * 3, axis=-1), geometry),
    )


@pytest.mark.parametrize("shape", [(2500, 300), (1500, 1800, 3)])
def test_a_plane_in_bands_makes_the_same_frame(shape):
    pixels = np.random.default_rng(0).integers(0, 4000, shape, dtype=np.uint16)
    geometry = FrameGeometry(shape[:2], 512)
    banded = BandedPlane(shape, pixels.dtype, lambda rows: pixels[rows])
    assert check_plane(banded) is banded
    np.testing.assert_array_equal(
        frame_image(banded, (100, 3900), geometry),
        frame_image(pixels, (100, 3900), geometry),
    )
    low, high = percentile_range(banded)
    assert (low, high) == pytest.approx(percentile_range(pixels), rel=0.01)
