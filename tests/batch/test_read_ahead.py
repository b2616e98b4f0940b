import threading
import time

import numpy as np
import pytest

from napari_segment_anything.batch.read_ahead import read_ahead
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.stacks.stack import Stack


class SlowArray:
    """Notes which planes are read, and by which thread."""

    shape, dtype, ndim = (6, 4, 5), np.dtype(np.uint16), 3

    def __init__(self, broken=None):
        self.reads = []
        self.threads = set()
        self.broken = broken

    def __getitem__(self, key):
        self.threads.add(threading.current_thread())
        if key[0] == self.broken:
            raise OSError("cut short")
        self.reads.append(key[0])
        return np.full((4, 5), key[0], np.uint16)


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


def test_planes_come_in_order_and_the_next_one_is_read_in_the_meantime():
    array = SlowArray()
    planes = read_ahead(Stack(array, "TYX"), [(4,), (1,), (3,), (0,)])
    index, plane = next(planes)
    assert (index, plane[0, 0]) == ((4,), 4)
    wait_until(lambda: array.reads == [4, 1])
    # Memory is for one plane ahead, however slow the work is.
    time.sleep(0.05)
    assert array.reads == [4, 1]
    assert [(i, p[0, 0]) for i, p in planes] == [((1,), 1), ((3,), 3), ((0,), 0)]
    assert threading.current_thread() not in array.threads
    assert len(array.threads) == 1


def test_a_broken_plane_is_said_when_it_is_due():
    planes = read_ahead(Stack(SlowArray(broken=1), "TYX"), [(0,), (1,), (2,)])
    assert next(planes)[0] == (0,)
    with pytest.raises(UnreadableInputError, match="cut short"):
        next(planes)


def test_closing_ends_the_reading():
    array = SlowArray()
    planes = read_ahead(Stack(array, "TYX"), [(t,) for t in range(6)])
    next(planes)
    planes.close()
    (thread,) = array.threads
    thread.join(10)
    assert not thread.is_alive()
    assert len(array.reads) <= 2
