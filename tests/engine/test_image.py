import numpy as np
import pytest

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.image import (
    as_rgb,
    check_plane,
    frame_image,
    percentile_range,
    rescale_intensity,
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


def test_range_ignores_nan_infinity_and_one_hot_pixel():
    plane = np.random.default_rng(0).uniform(10, 20, (300, 300))
    plane[0, 0], plane[0, 1], plane[5, 5] = np.nan, np.inf, 1e9
    low, high = percentile_range(plane)
    assert 9.9 < low < 10.1
    assert 19.9 < high < 20.1


@pytest.mark.parametrize(
    ("plane", "expected"),
    [
        (np.full((5, 5), np.nan), (0, 1)),
        (np.full((5, 5), 7), (7, 7)),
        (np.zeros((5, 5), bool), (0, 1)),
        (np.array([[3.0]]), (3, 3)),
    ],
)
def test_range_of_planes_without_contrast(plane, expected):
    assert percentile_range(plane) == expected


def test_range_finds_sparse_bright_pixels():
    plane = np.zeros((400, 400), np.uint16)
    plane[8, 8] = 100
    assert percentile_range(plane) == (0, 100)


def test_range_of_a_large_plane_is_that_of_its_subsample():
    plane = np.arange(2000 * 2000, dtype=np.float32).reshape(2000, 2000)
    low, high = percentile_range(plane, (1, 99))
    expected = np.percentile(plane, (1, 99))
    np.testing.assert_allclose((low, high), expected, rtol=0.02)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint64, np.float32, float]
)
def test_rescaling_is_linear_and_clipped_for_every_dtype(dtype):
    plane = np.array([[0, 50, 100, 120]], dtype)
    np.testing.assert_array_equal(
        rescale_intensity(plane, 50, 100), np.array([[0, 0, 255, 255]], np.uint8)
    )
    assert rescale_intensity(np.array([[75]], dtype), 50, 100)[0, 0] in (127, 128)


def test_rescaling_keeps_differences_of_large_integers():
    plane = np.array([[2**40, 2**40 + 10]], np.int64)
    rescaled = rescale_intensity(plane, 2**40, 2**40 + 10)
    np.testing.assert_array_equal(rescaled, [[0, 255]])


def test_rescaling_survives_nan_and_infinity():
    plane = np.array([[np.nan, -np.inf, np.inf, 0.5]])
    np.testing.assert_array_equal(
        rescale_intensity(plane, 0, 1), np.array([[0, 0, 255, 128]], np.uint8)
    )


def test_rescaling_leaves_the_input_alone():
    plane = np.array([[1.0, np.nan]])
    rescale_intensity(plane, 0, 1)
    np.testing.assert_array_equal(plane, [[1.0, np.nan]])


def test_rescaling_of_a_constant_and_of_booleans():
    assert not rescale_intensity(np.full((2, 2), 7), 7, 7).any()
    mask = np.array([[True, False]])
    np.testing.assert_array_equal(rescale_intensity(mask, 0, 1), [[255, 0]])


@pytest.mark.parametrize(("low", "high"), [(2, 1), (np.nan, 1), (0, np.inf)])
def test_bad_ranges_are_refused(low, high):
    with pytest.raises(InvalidImageError, match="range"):
        rescale_intensity(np.zeros((2, 2)), low, high)


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
