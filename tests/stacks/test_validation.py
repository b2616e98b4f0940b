import numpy as np
import pytest

from napari_segment_anything.errors import InvalidAxesError, InvalidImageError
from napari_segment_anything.stacks.stack import Stack


@pytest.mark.parametrize("dtype", [object, complex, "U3", "M8[s]"])
def test_only_plain_numbers_are_images(dtype):
    with pytest.raises(InvalidImageError, match="plain number"):
        Stack(np.zeros((4, 5), dtype), "YX")


def test_a_movie_without_frames_says_so():
    with pytest.raises(InvalidImageError, match="0 frames"):
        Stack(np.zeros((0, 4, 5)), "TYX")


def test_an_empty_plane_says_so():
    with pytest.raises(InvalidImageError, match="0 pixels along X"):
        Stack(np.zeros((4, 0)), "YX")


@pytest.mark.parametrize("plane_axes", [("Y", "Y"), ("Y", "T"), ("C", "X"), "Y"])
def test_plane_axes_must_be_two_of_the_axes(plane_axes):
    with pytest.raises(InvalidAxesError, match="Plane axes"):
        Stack(np.zeros((2, 4, 5)), "CYX", plane_axes=plane_axes)


@pytest.mark.parametrize(
    ("axes", "channel", "cause"),
    [
        ("CYX", 2, "no channel 2"),
        ("CYX", -3, "no channel -3"),
        ("CYX", (), "0 channels"),
        ("CYX", (0, 1, 0, 1), "4 channels"),
        ("ZYX", 1, "no channel axis"),
    ],
)
def test_channels_that_are_not_there_are_refused(axes, channel, cause):
    with pytest.raises(InvalidAxesError, match=cause):
        Stack(np.zeros((2, 4, 5)), axes, channel=channel)


def test_rgb_channels_are_not_composed_again():
    with pytest.raises(InvalidAxesError, match="2 channels"):
        Stack(np.zeros((2, 4, 5, 3)), "CYXS", channel=(0, 1))


def test_the_last_channel_can_be_counted_from_the_end():
    data = np.stack([np.zeros((4, 5)), np.ones((4, 5))])
    assert Stack(data, "CYX", channel=-1).read().all()
