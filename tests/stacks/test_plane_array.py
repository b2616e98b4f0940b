import numpy as np
import pytest

from napari_segment_anything.stacks.plane_array import PlaneArray

DATA = np.random.default_rng(0).integers(0, 99, (3, 4, 6, 5, 3))


class Doubled(PlaneArray):
    """Twice an array, plane by plane; notes which were asked for."""

    index_shape = DATA.shape[:2]
    plane_shape = DATA.shape[2:]
    dtype = DATA.dtype

    def __init__(self):
        self.made = []

    def plane(self, index):
        self.made.append(index)
        return 2 * DATA[index]


@pytest.mark.parametrize(
    "key",
    [
        (1, 2),
        (-1, slice(None)),
        (slice(None, None, -1), 3),
        (slice(1, 3), slice(0, 4, 2), slice(2, 5), slice(None), 1),
        (0, 0, 4),
        (),
        slice(2),
    ],
)
def test_it_is_indexed_like_numpy_and_makes_only_what_is_asked_for(key):
    array = Doubled()
    np.testing.assert_array_equal(array[key], 2 * DATA[key])
    assert array.shape == DATA.shape
    plane_numbers = np.arange(12).reshape(3, 4)
    index_key = key[:2] if isinstance(key, tuple) else key
    assert len(array.made) == np.size(plane_numbers[index_key])
