import threading

import numpy as np
import pytest
import zarr
from zarr.storage import LocalStore

from napari_segment_anything.storage.unthreaded_array import UnthreadedArray


class WatchedStore(LocalStore):
    """Notes which threads put chunks into it, and is full when it is told."""

    def __init__(self, root):
        super().__init__(root)
        self.writers = set()
        self.is_full = False

    async def set(self, key, value, *args, **kwargs):
        if self.is_full:
            raise OSError("full")
        self.writers.add(threading.current_thread())
        await super().set(key, value, *args, **kwargs)


@pytest.fixture
def store(tmp_path):
    return WatchedStore(tmp_path / "a.zarr")


@pytest.fixture(params=[2, 3])
def array(request, store):
    return zarr.create_array(
        store, shape=(9, 10), chunks=(4, 4), dtype="i4", zarr_format=request.param
    )


@pytest.mark.parametrize("key", [..., (slice(4, 8), slice(0, 4)), (slice(8, 9), 9)])
def test_it_is_written_by_the_thread_that_assigns(array, store, key):
    expected = np.zeros((9, 10), int)
    expected[key] = 7
    store.writers.clear()
    before = set(threading.enumerate())
    UnthreadedArray(array)[key] = expected[key]
    assert store.writers == {threading.current_thread()}
    # Threads of earlier tests may end meanwhile.
    assert set(threading.enumerate()) <= before
    np.testing.assert_array_equal(array[:], expected)
    np.testing.assert_array_equal(UnthreadedArray(array)[2:, 3], expected[2:, 3])


def test_what_goes_wrong_is_raised(array, store):
    store.is_full = True
    with pytest.raises(OSError, match="full"):
        UnthreadedArray(array)[:] = 1
