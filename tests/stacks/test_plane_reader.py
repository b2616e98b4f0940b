import numpy as np
import pytest

from napari_segment_anything.stacks.stack import Stack


def test_rgb_samples_lose_their_alpha():
    data = np.random.default_rng(0).integers(0, 255, (2, 6, 8, 4), np.uint8)
    stack = Stack(data, "TYXS")
    assert stack.is_rgb
    np.testing.assert_array_equal(stack.read((1,)), data[1, ..., :3])


def test_a_grey_image_with_alpha_is_grey():
    data = np.random.default_rng(0).integers(0, 255, (6, 8, 2), np.uint8)
    np.testing.assert_array_equal(Stack(data, "YXS").read(), data[..., 0])


class Requested:
    """Remembers the keys that it was asked for."""

    def __init__(self, data):
        self.data, self.shape, self.dtype = data, data.shape, data.dtype
        self.keys = []

    def __getitem__(self, key):
        self.keys.append(key)
        return self.data[key]


@pytest.mark.parametrize(
    ("channels", "n_requests"), [((0, 1, 2), 1), ((0, 2), 1), ((1, 3), 1), ((2, 0), 2)]
)
def test_channels_in_line_are_one_request(channels, n_requests):
    data = np.random.default_rng(0).integers(0, 255, (4, 6, 8), np.uint8)
    requested = Requested(data)
    plane = Stack(requested, "CYX", channel=channels).read()
    assert len(requested.keys) == n_requests
    red_green_blue = [*channels, channels[0]][:3]
    np.testing.assert_array_equal(plane, np.moveaxis(data[red_green_blue], 0, -1))


def test_one_channel_is_asked_for_by_its_number():
    requested = Requested(np.zeros((4, 6, 8)))
    Stack(requested, "CYX", channel=2).read()
    assert requested.keys == [(2, slice(0, 6, 1), slice(0, 8, 1))]


def test_the_same_channel_twice_is_no_step():
    data = np.random.default_rng(0).integers(0, 255, (2, 6, 8), np.uint8)
    plane = Stack(data, "CYX", channel=(1, 1, 0)).read()
    np.testing.assert_array_equal(plane, np.moveaxis(data[[1, 1, 0]], 0, -1))
