import dask.array
import numpy as np
import pytest

from napari_segment_anything.errors import InvalidImageError
from napari_segment_anything.stacks.composed import Colouring, ComposedArray
from napari_segment_anything.stacks.stack import Stack

RAMP = np.linspace(0, 1, 256)[:, np.newaxis]
GREEN = Colouring(0, 100, RAMP * [0, 1, 0])
MAGENTA = Colouring(0, 1000, RAMP * [1, 0, 1])
YELLOW = Colouring(0, 100, RAMP * [1, 1, 0])


def images(*levels):
    return [np.full((2, 4, 5), level, np.uint16) for level in levels]


def test_each_image_is_seen_in_its_own_colours():
    composed = ComposedArray(images(100, 500), [GREEN, MAGENTA])
    assert composed.shape == (2, 4, 5, 3)
    np.testing.assert_array_equal(composed[0, 0, 0], [128, 255, 128])
    assert np.asarray(composed).shape == composed.shape


def test_colours_that_add_up_to_more_than_white_are_cut():
    composed = ComposedArray(images(100, 100), [GREEN, YELLOW])
    np.testing.assert_array_equal(composed[1, 2, 3], [255, 255, 0])


@pytest.mark.parametrize(
    "key", [..., 1, (0, slice(1, 3)), (..., 2), (1, ..., slice(0, 2)), (0, 3, 4, 1)]
)
def test_parts_are_those_of_the_whole(key):
    pixels = np.random.default_rng(0).integers(0, 100, (2, 2, 4, 5), dtype=np.uint16)
    composed = ComposedArray(list(pixels), [GREEN, MAGENTA])
    np.testing.assert_array_equal(composed[key], np.asarray(composed)[key])


def test_a_plane_reads_that_plane_of_each_image_only():
    read = []

    def block(block_id):
        read.append(block_id[0])
        return np.full((1, 4, 5), 100, np.uint16)

    channels = [
        dask.array.map_blocks(
            block, chunks=((1, 1, 1), (4,), (5,)), dtype=np.uint16, meta=np.empty(0)
        )
        for _ in range(2)
    ]
    composed = ComposedArray(channels, [GREEN, MAGENTA])
    stack = Stack(composed, "TYXS")
    assert stack.is_rgb
    assert composed.chunks == ((1, 1, 1), (4,), (5,), 3)
    read.clear()
    np.testing.assert_array_equal(stack.read((2,))[0, 0], [26, 255, 26])
    assert read == [2, 2]


def test_images_of_different_shapes_are_refused():
    with pytest.raises(InvalidImageError, match="one shape"):
        ComposedArray([np.zeros((3, 4)), np.zeros((4, 3))], [GREEN, MAGENTA])
