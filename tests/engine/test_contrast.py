import numpy as np
import pytest

from napari_segment_anything.engine.contrast import percentile_range, rescale_intensity
from napari_segment_anything.errors import InvalidImageError


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
