import numpy as np
import pytest

from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.session.planes import PlaneId, PlaneSource


class CountingArray:
    """An array that remembers which parts of it were read."""

    def __init__(self, data):
        self.data = data
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim
        self.n_read = 0

    def __getitem__(self, key):
        part = self.data[key]
        self.n_read += part.size
        return part


@pytest.fixture
def data():
    return np.random.default_rng(0).integers(0, 999, (2, 3, 4, 20, 30)).astype("uint16")


def test_the_shown_channel_is_the_grey_image(data):
    source = PlaneSource(data, "TCZYX")
    plane = PlaneId(("Y", "X"), (("T", 1), ("C", 2), ("Z", 3)))
    np.testing.assert_array_equal(source.read(plane), data[1, 2, 3])
    assert source.plane_shape(plane) == (20, 30)
    assert source.stack(plane).index_axes == "TZ"


def test_planes_along_depth(data):
    source = PlaneSource(data, "TCZYX")
    plane = PlaneId(("Z", "X"), (("T", 1), ("C", 0), ("Y", 7)))
    np.testing.assert_array_equal(source.read(plane), data[1, 0, :, 7, :])
    assert source.plane_shape(plane) == (4, 30)


def test_rgb_is_read_with_its_colours():
    data = np.random.default_rng(0).integers(0, 255, (5, 8, 9, 3)).astype("uint8")
    source = PlaneSource(data, "TYXS")
    plane = PlaneId(("Y", "X"), (("T", 4),))
    np.testing.assert_array_equal(source.read(plane), data[4])


def test_only_the_plane_is_read(data):
    counting = CountingArray(data)
    source = PlaneSource(counting, "TCZYX")
    assert counting.n_read == 0
    source.read(PlaneId(("Y", "X"), (("T", 0), ("C", 0), ("Z", 0))))
    assert counting.n_read == 20 * 30


def test_the_intensity_range_is_one_for_the_stack_and_read_once(data):
    counting = CountingArray(data)
    source = PlaneSource(counting, "TCZYX")
    first = source.intensity_range(PlaneId(index=(("T", 0), ("C", 1), ("Z", 0))))
    n_read = counting.n_read
    second = source.intensity_range(PlaneId(index=(("T", 1), ("C", 1), ("Z", 3))))
    assert first == second
    assert counting.n_read == n_read
    # Eight planes of 20 × 30 uniform numbers between 0 and 998.
    assert 0 <= first[0] <= 5
    assert 994 <= first[1] <= 998


def test_axes_that_do_not_fit_are_refused_at_once(data):
    with pytest.raises(InvalidAxesError):
        PlaneSource(data, "TYX")


def test_a_plane_is_described_for_people():
    assert PlaneId(index=(("T", 3), ("Z", 0))).describe() == "T 3, Z 0"
    assert PlaneId().describe() == ""
