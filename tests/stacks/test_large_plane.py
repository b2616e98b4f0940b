import dask.array
import numpy as np
import pytest
import xarray
import zarr

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.stacks import large_plane
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(large_plane, "_MOST_VALUES", 30 * 20)
    monkeypatch.setattr(large_plane, "_BAND_VALUES", 10 * 20)


@pytest.fixture
def pixels():
    shape = (2, 64, 20)
    return np.random.default_rng(0).integers(0, 999, shape, dtype=np.uint16)


def in_zarr(pixels, chunks):
    array = zarr.create_array(
        zarr.storage.MemoryStore(), shape=pixels.shape, chunks=chunks, dtype="u2"
    )
    array[:] = pixels
    return array


@pytest.mark.parametrize(
    "wrap",
    [
        lambda pixels: in_zarr(pixels, (1, 4, 20)),
        lambda pixels: dask.array.from_array(pixels, (1, 7, 20)),
        lambda pixels: xarray.DataArray(dask.array.from_array(pixels, (1, 7, 20))),
    ],
    ids=["zarr", "dask", "xarray"],
)
def test_a_large_plane_is_read_in_bands(wrap, pixels):
    plane = plane_of(Stack(wrap(pixels), "TYX"), (1,))
    assert isinstance(plane, BandedPlane)
    np.testing.assert_array_equal(plane[3:50, 2:9], pixels[1, 3:50, 2:9])
    np.testing.assert_array_equal(np.asarray(plane), pixels[1])


def test_a_tensorstore_is_read_in_bands(pixels, tmp_path):
    tensorstore = pytest.importorskip("tensorstore")
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(tmp_path / "a.zarr")},
    }
    layout = tensorstore.ChunkLayout(chunk_shape=(1, 8, 20))
    array = tensorstore.open(
        spec, create=True, dtype="uint16", shape=pixels.shape, chunk_layout=layout
    ).result()
    array[...] = pixels
    plane = plane_of(Stack(array, "TYX"), (0,))
    assert isinstance(plane, BandedPlane)
    np.testing.assert_array_equal(plane[::3], pixels[0, ::3])


def test_colours_and_other_plane_axes_come_along(pixels):
    array = in_zarr(np.stack([pixels, pixels + 1, pixels + 2]), (1, 1, 4, 20))
    plane = plane_of(Stack(array, "CTYX", channel=(0, 1, 2)), (1,))
    assert plane.shape == (64, 20, 3)
    np.testing.assert_array_equal(plane[5:9][..., 1], pixels[1, 5:9] + 1)
    side = Stack(in_zarr(pixels, (1, 4, 20)), "YZX", plane_axes=("Z", "X"))
    np.testing.assert_array_equal(plane_of(side, (1,))[10:20], pixels[1, 10:20])


@pytest.mark.parametrize(
    "data",
    [
        lambda pixels: pixels,
        lambda pixels: in_zarr(pixels, (1, 64, 20)),
        lambda pixels: in_zarr(pixels[:, :30], (1, 4, 20)),
    ],
    ids=["in memory", "one chunk", "not large"],
)
def test_other_planes_are_read_as_a_whole(data, pixels):
    assert isinstance(plane_of(Stack(data(pixels), "TYX"), (0,)), np.ndarray)


def test_a_damaged_band_says_what_cannot_be_read(pixels):
    class Broken:
        shape, dtype, chunks = pixels.shape, pixels.dtype, (1, 4, 20)

        def __getitem__(self, key):
            raise OSError("disk on fire")

    plane = plane_of(Stack(Broken(), "TYX"), (1,))
    with pytest.raises(UnreadableInputError, match=r"T=1.*disk on fire"):
        plane[:4]
