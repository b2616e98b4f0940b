import os
import subprocess
import sys

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    UnreadableInputError,
)
from napari_segment_anything.stacks.open import open_stack

DATA = np.random.default_rng(0).integers(0, 999, (3, 8, 9)).astype(np.uint16)


@pytest.mark.parametrize("wrap", [np.asarray, da.from_array, zarr.array])
def test_arrays_are_opened_with_given_axes(wrap):
    stack = open_stack(wrap(DATA), axes="ZYX")
    assert (stack.axes, stack.index_shape) == ("ZYX", (3,))
    np.testing.assert_array_equal(stack.read((1,)), DATA[1])


@pytest.mark.parametrize("plane_axes", ["ZX", "zx", ("Z", "X")])
def test_other_plane_axes_than_the_last_two(plane_axes):
    stack = open_stack(DATA, axes="ZYX", plane_axes=plane_axes)
    assert (stack.plane_axes, stack.index_axes) == (("Z", "X"), "Y")
    np.testing.assert_array_equal(stack.read((5,)), DATA[:, 5])


def test_xarray_names_its_axes():
    xarray = pytest.importorskip("xarray", reason="xarray is optional")
    assert open_stack(xarray.DataArray(DATA, dims=("time", "y", "x"))).axes == "TYX"
    with pytest.raises(InvalidAxesError, match="--axes"):
        open_stack(xarray.DataArray(DATA))


def test_levels_are_told_by_their_falling_size():
    levels = [DATA, DATA[:, ::2, ::2]]
    assert open_stack(levels, axes="TYX").shape == (3, 8, 9)
    assert open_stack(levels, axes="TYX", level=1).shape == (3, 4, 5)
    with pytest.raises(InvalidImageError, match="2 resolution levels"):
        open_stack(levels, axes="TYX", level=2)


def test_arrays_of_one_shape_are_frames():
    stack = open_stack(list(DATA))
    assert stack.axes == "TYX"
    np.testing.assert_array_equal(stack.read((2,)), DATA[2])


def test_a_list_of_files_is_a_movie_in_that_order(tmp_path):
    paths = [tmp_path / name for name in ("b.tif", "a.tif")]
    for path, frame in zip(paths, DATA, strict=False):
        tifffile.imwrite(path, frame)
    np.testing.assert_array_equal(open_stack(paths).read((0,)), DATA[0])


def test_nested_lists_are_an_array():
    assert open_stack([[1, 2, 3], [4, 5, 6]]).plane_shape == (2, 3)


def test_a_stack_stays_itself():
    stack = open_stack(DATA, axes="TYX")
    assert open_stack(stack) is stack


def test_given_axes_win_over_the_file(tmp_path):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, DATA, metadata={"axes": "TYX"})
    assert open_stack(path, axes="ZYX").axes == "ZYX"
    assert open_stack(path, axes="CYX", channel=2).channels == (2,)


@pytest.mark.parametrize("source", [[], [np.zeros((0, 8, 9))], np.zeros((0, 8, 9))])
def test_nothing_to_open_says_so(source):
    with pytest.raises(InvalidImageError, match="0 frames"):
        open_stack(source, axes="TYX")


@pytest.mark.parametrize("source", [None, 5, {"a": 1}])
def test_what_is_no_image_says_so(source):
    with pytest.raises(InvalidImageError, match="is no image"):
        open_stack(source)


def test_object_arrays_are_refused():
    with pytest.raises(InvalidImageError, match="dtype object"):
        open_stack(np.zeros((4, 5), dtype=object))


def test_one_pixel_and_constant_images_are_images():
    assert open_stack(np.zeros((1, 1), np.uint8)).read().shape == (1, 1)


@pytest.mark.parametrize("name", ["missing.tif", "missing/folder", "a\0b"])
def test_a_path_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(UnreadableInputError, match="no file or folder"):
        open_stack(tmp_path / name)


def test_an_unknown_ending_is_named(tmp_path):
    path = tmp_path / "notes.docx"
    path.write_bytes(b"text")
    with pytest.raises(UnreadableInputError, match=r"\.docx"):
        open_stack(path)


def test_an_empty_file_is_named(tmp_path):
    path = tmp_path / "empty.tif"
    path.touch()
    with pytest.raises(UnreadableInputError, match="empty file"):
        open_stack(path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_path_without_permission_is_named(tmp_path):
    path = tmp_path / "locked.tif"
    tifffile.imwrite(path, DATA[0])
    path.chmod(0)
    with pytest.raises(UnreadableInputError, match=r"locked\.tif"):
        open_stack(path)


def test_an_array_is_opened_without_heavy_imports():
    program = (
        "import sys, numpy as np\n"
        "from napari_segment_anything.stacks.open import open_stack\n"
        "open_stack(np.zeros((3, 4, 5)), axes='TYX').read((0,))\n"
        "heavy = {'torch', 'zarr', 'napari', 'dask', 'skimage'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("place", "axes", "shape"),
    [
        ("ctc_fluo_hela/01", "TYX", (12, 700, 1100)),
        ("ctc_dic_hela/01", "TYX", (30, 512, 512)),
        ("usiigaci_phase/images/set21.tif", "YX", (640, 640)),
        ("natural_mini/images/voc_2011_000003.jpg", "YXS", (338, 500, 3)),
    ],
)
def test_real_images_are_opened(shared_data, place, axes, shape):
    stack = open_stack(shared_data / place)
    assert (stack.axes, stack.shape) == (axes, shape)
    last = list(stack.indices())[-1]
    assert stack.read(last).std() > 0


def test_real_pictures_are_opened(shared_data):
    for path in sorted((shared_data / "dsb2018" / "images").iterdir())[:20]:
        plane = open_stack(path).read()
        assert plane.ndim == 2 or plane.shape[2] == 3


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_of_real_frames_equals_them(shared_data, tmp_path, zarr_format):
    movie = open_stack(shared_data / "ctc_fluo_hela" / "01").select(T=slice(0, 4))
    frames = np.stack([movie.read(index) for index in movie.indices()])
    array = zarr.create_array(
        tmp_path / "movie.zarr",
        shape=(2, 2, *movie.plane_shape),
        chunks=(1, 1, 350, 550),
        dtype=movie.dtype,
        zarr_format=zarr_format,
    )
    array[...] = frames.reshape(array.shape)
    stack = open_stack(tmp_path / "movie.zarr", axes="TZYX")
    for frame, index in zip(frames, stack.indices(), strict=True):
        np.testing.assert_array_equal(stack.read(index), frame)
