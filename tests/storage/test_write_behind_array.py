import errno
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import zarr

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage import write_behind_array
from napari_segment_anything.storage.write_behind_array import WriteBehindArray

SHAPE, CHUNKS = (3, 25, 31), (1, 8, 10)


class Disk:
    """A zarr array that counts, waits and fails as it is told."""

    def __init__(self, path):
        self.array = zarr.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype="i4")
        self.shape, self.dtype, self.chunks = SHAPE, self.array.dtype, CHUNKS
        self.may_write = threading.Event()
        self.may_write.set()
        self.is_full = False
        self.n_reads, self.written = 0, []

    def __getitem__(self, key):
        self.n_reads += 1
        return self.array[key]

    def __setitem__(self, key, value):
        assert self.may_write.wait(60)
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.written.append(tuple(part.start for part in key))
        self.array[key] = value


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path / "a.zarr")


@pytest.fixture
def labels(disk, tmp_path):
    array = WriteBehindArray(disk, tmp_path / "a.zarr")
    yield array
    disk.may_write.set()


KEYS = [
    ...,
    1,
    (1, slice(3, 20)),
    (slice(None), 24, slice(None, None, 3)),
    (2, -1, -31),
    (..., slice(4, 5)),
    (np.array([0, 2, 2]), np.array([3, 24, 3]), np.array([30, 0, 30])),
    (1, np.array([[3], [9]]), np.array([[1, 2, 12]])),
    tuple(np.zeros((3, 0), int)),
]


@pytest.mark.parametrize("most_at_once", [2**18, 5])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_it_reads_and_writes_like_an_array(
    disk, labels, key, most_at_once, monkeypatch
):
    monkeypatch.setattr(write_behind_array, "_MOST_AT_ONCE", most_at_once)
    expected = np.arange(np.prod(SHAPE), dtype=np.int32).reshape(SHAPE)
    disk.array[:] = expected
    np.testing.assert_array_equal(labels[key], expected[key])
    assert np.shape(labels[key]) == expected[key].shape
    values = np.random.default_rng(0).integers(0, 99, expected[key].shape)
    labels[key] = expected[key] = values
    np.testing.assert_array_equal(labels[key], expected[key])
    labels[key] = expected[key] = 7
    np.testing.assert_array_equal(np.asarray(labels), expected)
    labels.flush()
    np.testing.assert_array_equal(disk.array[:], expected)


@pytest.mark.parametrize(
    "key", [3, (0, 25), (0, 0, 0, 0), (np.array([True] * 3), 0, 0), ([0], [99], [0])]
)
def test_what_is_outside_or_no_position_is_refused(labels, key):
    with pytest.raises(IndexError):
        labels[key]


def test_it_is_not_converted_into_memory(labels):
    with pytest.raises(StorageError, match="stay int32; convert a saved copy"):
        labels.astype(np.int64)


def test_the_painter_does_not_wait_for_the_disk(disk, labels):
    labels[0]
    n_reads = disk.n_reads
    disk.may_write.clear()
    for y in range(20):
        labels[0, y, 5] = y
        assert labels[0, y, 5] == y
    # What was looked at is not read again, and nothing was written yet.
    assert disk.n_reads == n_reads
    assert not disk.array[:].any()
    disk.may_write.set()
    labels.flush()
    np.testing.assert_array_equal(disk.array[0, :20, 5], range(20))


def test_a_large_part_is_not_read_to_know_its_dtype(disk, labels, monkeypatch):
    monkeypatch.setattr(write_behind_array, "_MOST_AT_ONCE", 100)
    part = labels[0]
    assert (part.dtype, part.shape, part.ndim, len(part)) == ("i4", (25, 31), 2, 25)
    assert part.size == 25 * 31
    assert disk.n_reads == 0
    labels[0, 3, 4] = 5
    assert np.asarray(part)[3, 4] == part[3, 4] == 5


def test_chunks_are_written_in_the_order_in_which_they_were_changed(disk, labels):
    disk.may_write.clear()
    for y, x in ((20, 25), (0, 0), (9, 12), (20, 26), (1, 1)):
        labels[1, y, x] = 1
    disk.may_write.set()
    labels.flush()
    assert disk.written[:3] == [(1, 16, 20), (1, 0, 0), (1, 8, 10)]
    assert disk.array[:].sum() == 5


def test_paint_on_a_chunk_that_is_being_written_is_not_lost(disk, labels, monkeypatch):
    # No room for chunks that were only looked at.
    monkeypatch.setattr(write_behind_array, "_KEPT_BYTES", 1)
    disk.may_write.clear()
    labels[0, 0, 0] = 1
    while labels._writing is None:
        time.sleep(0.01)
    labels[2, 20, 20] = 3
    labels[0, 0, 1] = 2
    np.testing.assert_array_equal(labels[0, 0, :2], [1, 2])
    disk.may_write.set()
    labels.flush()
    np.testing.assert_array_equal(disk.array[0, 0, :2], [1, 2])
    assert disk.array[2, 20, 20] == 3


def test_a_full_disk_is_said_once_and_loses_nothing(disk, labels):
    said = []
    labels.on_error = said.append
    disk.is_full = True
    labels[0, 0, 0] = 1
    labels[1, 0, 0] = 2
    with pytest.raises(StorageError, match="disk is full"):
        labels.flush()
    assert len(said) == 1
    assert (labels[0, 0, 0], labels[1, 0, 0]) == (1, 2)
    disk.is_full = False
    labels[2, 0, 0] = 3
    labels.flush()
    np.testing.assert_array_equal(disk.array[:, 0, 0], [1, 2, 3])


def test_not_more_waits_to_be_written_than_there_is_memory(disk, labels, monkeypatch):
    monkeypatch.setattr(write_behind_array, "_MOST_UNWRITTEN_BYTES", 3 * 8 * 10 * 4)
    seen = []
    disk_write = labels._write_first
    monkeypatch.setattr(
        labels,
        "_write_first",
        lambda: seen.append(len(labels._changed)) or disk_write(),
    )
    labels[...] = 5
    labels.flush()
    assert max(seen) <= 4
    assert (disk.array[:] == 5).all()


@pytest.mark.parametrize("end", ["", "sys.exit(1)", "raise ValueError", "del labels"])
def test_a_program_that_ends_writes_first(tmp_path, end):
    program = f"""
import sys, zarr
from pathlib import Path
from napari_segment_anything.storage.unthreaded_array import UnthreadedArray
from napari_segment_anything.storage.write_behind_array import WriteBehindArray
array = zarr.create_array(sys.argv[1], shape=(64, 64), chunks=(2, 2), dtype="i4")
labels = WriteBehindArray(UnthreadedArray(array), Path(sys.argv[1]))
labels[...] = 3
{end}
"""
    path = str(tmp_path / "a.zarr")
    ended = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, timeout=120
    )
    assert ended.returncode == (0 if end in ("", "del labels") else 1)
    assert (zarr.open_array(path, mode="r")[:] == 3).all()
