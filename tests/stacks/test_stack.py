from itertools import permutations

import dask.array as da
import numpy as np
import pytest
import zarr
from zarr.storage import MemoryStore

from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    UnreadableInputError,
)
from napari_segment_anything.stacks.stack import Stack

LENGTHS = {"T": 3, "C": 4, "Z": 2, "Y": 6, "X": 8}


class CountingStore(MemoryStore):
    """Counts the chunks that are read from it."""

    def __init__(self):
        super().__init__()
        self.chunk_reads = []

    async def get(self, key, *args, **kwargs):
        if not key.endswith((".json", ".zarray", ".zattrs", ".zgroup")):
            self.chunk_reads.append(key)
        return await super().get(key, *args, **kwargs)


class CountingArray:
    """Counts the blocks that dask reads from it."""

    def __init__(self, data):
        self.data = data
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim
        self.n_reads = 0

    def __getitem__(self, key):
        self.n_reads += 1
        return self.data[key]


def made_up(axes):
    shape = tuple(LENGTHS[axis] for axis in axes)
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def chunks_of(axes):
    """One plane and channel is cut into four chunks."""
    return tuple(LENGTHS[a] // 2 if a in "YX" else 1 for a in axes)


def plane_by_hand(data, axes, at):
    """Order the axes (indices, Y, X) and take one plane."""
    rest = [axis for axis in axes if axis not in "YX"]
    ordered = data.transpose([axes.index(axis) for axis in [*rest, "Y", "X"]])
    return ordered[tuple(at[axis] for axis in rest)]


ORDERS = [
    "YX",
    "XY",
    *("".join(order) for order in permutations("TYX")),
    *("".join(order) for order in permutations("TCYX")),
    *("".join(order) for order in permutations("TZYX")),
    *("".join(order) for order in permutations("TCZYX")),
]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("axes", ORDERS)
def test_a_plane_of_zarr_is_read_by_its_own_chunks(axes, zarr_format):
    data, store = made_up(axes), CountingStore()
    array = zarr.create_array(
        store,
        shape=data.shape,
        chunks=chunks_of(axes),
        dtype=data.dtype,
        zarr_format=zarr_format,
    )
    array[...] = data
    stack = Stack(array, axes)
    index = tuple(LENGTHS[axis] - 1 for axis in stack.index_axes)
    store.chunk_reads.clear()

    plane = stack.read(index)

    at = {"C": 0, **dict(zip(stack.index_axes, index, strict=True))}
    np.testing.assert_array_equal(plane, plane_by_hand(data, axes, at))
    assert len(store.chunk_reads) == 4
    assert len(set(store.chunk_reads)) == 4


@pytest.mark.parametrize("axes", ORDERS)
def test_a_plane_of_dask_is_read_by_its_own_chunks(axes):
    counting = CountingArray(made_up(axes))
    array = da.from_array(counting, chunks=chunks_of(axes), meta=np.empty(0, np.uint16))
    stack = Stack(array, axes)
    index = tuple(0 for _ in stack.index_axes)
    counting.n_reads = 0

    plane = stack.read(index)

    at = {"C": 0, **dict(zip(stack.index_axes, index, strict=True))}
    np.testing.assert_array_equal(plane, plane_by_hand(counting.data, axes, at))
    assert counting.n_reads == 4


@pytest.mark.parametrize("channels", [(0, 1, 2), (0, 2), (1, 0, 3)])
def test_composed_channels_are_read_once_each(channels):
    data, store = made_up("TCYX"), CountingStore()
    array = zarr.create_array(
        store, shape=data.shape, chunks=(1, 1, 6, 8), dtype=data.dtype
    )
    array[...] = data
    store.chunk_reads.clear()

    plane = Stack(array, "TCYX", channel=channels).read((1,))

    assert sorted(store.chunk_reads) == sorted(f"c/1/{c}/0/0" for c in channels)
    red_green_blue = [*channels, channels[0]][:3]
    np.testing.assert_array_equal(plane, np.moveaxis(data[1, red_green_blue], 0, -1))


@pytest.mark.parametrize("plane_axes", permutations("TZYX", 2))
@pytest.mark.parametrize("axes", ["TZYX", "XZYT"])
def test_any_two_axes_make_a_plane_that_reads_its_own_chunks(axes, plane_axes):
    data, store = made_up(axes), CountingStore()
    array = zarr.create_array(
        store, shape=data.shape, chunks=chunks_of(axes), dtype=data.dtype
    )
    array[...] = data
    stack = Stack(array, axes, plane_axes=plane_axes)
    index = tuple(length - 1 for length in stack.index_shape)
    store.chunk_reads.clear()

    plane = stack.read(index)

    order = [axes.index(axis) for axis in (*stack.index_axes, *plane_axes)]
    np.testing.assert_array_equal(plane, data.transpose(order)[index])
    n_chunks = [2 if axis in "YX" else LENGTHS[axis] for axis in plane_axes]
    assert len(store.chunk_reads) == len(set(store.chunk_reads)) == np.prod(n_chunks)


def test_plane_axes_can_be_swapped():
    data = made_up("ZYX")
    stack = Stack(data, "ZYX", plane_axes=("X", "Y"))
    assert stack.plane_shape == (8, 6)
    np.testing.assert_array_equal(stack.read((1,)), data[1].T)


def test_indices_run_in_c_order():
    stack = Stack(made_up("TZYX"), "TZYX")
    assert list(stack.indices()) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert stack.n_planes == 6


def test_a_single_plane_has_the_empty_index():
    stack = Stack(made_up("YX"), "YX")
    assert (stack.index_axes, stack.n_planes, stack.time_axis) == ("", 1, None)
    assert list(stack.indices()) == [()]
    assert stack.read().shape == (6, 8)


@pytest.mark.parametrize(
    ("axes", "time_axis"), [("TZYX", "T"), ("ZYX", "Z"), ("CYX", None)]
)
def test_objects_are_followed_along_time_or_depth(axes, time_axis):
    assert Stack(made_up(axes), axes).time_axis == time_axis


@pytest.mark.parametrize("dtype", [bool, ">u2", ">f4", np.float16, np.int64])
def test_planes_have_the_native_byte_order(dtype):
    plane = Stack(made_up("YX").astype(dtype), "YX").read()
    assert plane.dtype == np.dtype(dtype).newbyteorder("=")
    assert plane.dtype.isnative
    np.testing.assert_array_equal(plane, made_up("YX").astype(dtype))


def test_select_narrows_without_reading():
    data = made_up("TZYX")
    counting = CountingArray(data)
    part = Stack(counting, "TZYX").select(T=slice(1, None), Y=slice(2, 5), Z=-1)
    assert counting.n_reads == 0
    assert (part.index_shape, part.plane_shape) == ((2, 1), (3, 8))
    np.testing.assert_array_equal(part.read((0, 0)), data[1, 1, 2:5])
    again = part.select(T=slice(None, None, -1))
    np.testing.assert_array_equal(again.read((0, 0)), data[2, 1, 2:5])


def test_select_keeps_each_pixel_where_it_lies_in_the_world():
    stack = Stack(
        made_up("TZYX"), "TZYX", scale={"Z": 2.0, "Y": 0.5}, translate={"Y": 100.0}
    )
    part = stack.select(T=slice(1, None), Y=slice(2, None, 2)).select(Y=slice(1, None))
    assert part.translate == {"T": 1.0, "Y": 100.0 + 4 * 0.5}
    assert part.scale == {"Z": 2.0, "Y": 1.0}
    assert (stack.scale, stack.translate) == ({"Z": 2.0, "Y": 0.5}, {"Y": 100.0})


def test_what_select_has_kept_is_known():
    stack = Stack(np.zeros((9, 6, 7)), "TYX")
    assert stack.kept == {"T": range(9), "Y": range(6), "X": range(7)}
    part = stack.select(T=slice(5, 8), Y=slice(None, None, 2)).select(T=slice(1, None))
    assert part.kept == {"T": range(6, 8), "Y": range(0, 6, 2), "X": range(7)}


def test_select_backwards_reaches_the_first_row():
    data = made_up("YX")
    flipped = Stack(data, "YX").select(Y=slice(None, None, -2))
    np.testing.assert_array_equal(flipped.read(), data[::-2])


def test_select_refuses_what_is_not_there():
    stack = Stack(made_up("TYX"), "TYX")
    with pytest.raises(InvalidAxesError, match="'Z'"):
        stack.select(Z=0)
    for nothing in (slice(3, 3), 3, -4):
        with pytest.raises(InvalidImageError, match=r"nothing of axis T.* 0 to 2"):
            stack.select(T=nothing)


@pytest.mark.parametrize("index", [(), (3,), (0, 0), (-4,)])
def test_an_index_that_is_not_there_is_refused(index):
    with pytest.raises(IndexError):
        Stack(made_up("TYX"), "TYX").read(index)


def test_numpy_integers_are_indices():
    stack = Stack(made_up("TYX"), "TYX")
    np.testing.assert_array_equal(stack.read(np.int64(2)), stack.read((-1,)))


def test_a_chunk_that_cannot_be_read_is_named():
    class Broken(CountingArray):
        def __getitem__(self, key):
            raise RuntimeError("checksum mismatch")

    stack = Stack(Broken(made_up("TYX")), "TYX", source="movie.zarr")
    with pytest.raises(UnreadableInputError, match=r"T=1 of movie.zarr.*checksum"):
        stack.read((1,))


def test_xarray_is_read_by_position():
    xarray = pytest.importorskip("xarray", reason="xarray is optional")
    data = made_up("TYX")
    array = xarray.DataArray(data, dims=("t", "y", "x"), coords={"t": [10, 20, 30]})
    np.testing.assert_array_equal(Stack(array, "TYX").read((1,)), data[1])


def test_tensorstore_is_read():
    tensorstore = pytest.importorskip("tensorstore", reason="tensorstore is optional")
    data = made_up("TCYX")
    stack = Stack(tensorstore.array(data), "TCYX", channel=(0, 1, 2))
    assert stack.dtype == np.uint16
    np.testing.assert_array_equal(stack.read((1,)), np.moveaxis(data[1, :3], 0, -1))
