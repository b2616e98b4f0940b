import numpy as np
import pytest
import zarr

from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    SeveralImagesWarning,
    UnreadableInputError,
)
from napari_segment_anything.stacks.open import open_stack

DATA = np.random.default_rng(0).integers(0, 999, (2, 3, 8, 9)).astype(np.uint16)
AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]


def write_ome_zarr(path, version):
    """Two levels, written by hand after the specification."""
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    levels = {"0": DATA, "1": DATA[..., ::2, ::2]}
    for name, data in levels.items():
        array = group.create_array(name, shape=data.shape, dtype=data.dtype)
        array[...] = data
    multiscale = {
        "name": "movie",
        "axes": AXES,
        "datasets": [
            {
                "path": name,
                "coordinateTransformations": [
                    {"type": "scale", "scale": [1, 2, 0.5 * factor, 0.5 * factor]}
                ],
            }
            for name, factor in (("0", 1), ("1", 2))
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [30, 1, 1, 1]}],
    }
    if version == "0.4":
        group.attrs["multiscales"] = [{**multiscale, "version": "0.4"}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_tells_axes_sizes_and_units(tmp_path, version):
    write_ome_zarr(tmp_path / "movie.zarr", version)
    stack = open_stack(tmp_path / "movie.zarr")
    assert (stack.axes, stack.name) == ("TZYX", "movie")
    assert stack.scale == {"T": 30, "Z": 2, "Y": 0.5, "X": 0.5}
    assert stack.units["T"] == "second"
    np.testing.assert_array_equal(stack.read((1, 2)), DATA[1, 2])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_lower_level_can_be_chosen(tmp_path, version):
    write_ome_zarr(tmp_path / "movie.zarr", version)
    stack = open_stack(tmp_path / "movie.zarr", level=1)
    assert stack.scale == {"T": 30, "Z": 2, "Y": 1, "X": 1}
    np.testing.assert_array_equal(stack.read((0, 1)), DATA[0, 1, ::2, ::2])
    with pytest.raises(InvalidImageError, match="2 resolution levels"):
        open_stack(tmp_path / "movie.zarr", level=2)


def test_ome_zarr_written_by_another_library_is_read(tmp_path):
    writer = pytest.importorskip(
        "ome_zarr.writer", reason="ome-zarr is a reference for tests only"
    )
    group = zarr.open_group(tmp_path / "other.zarr", mode="w")
    writer.write_image(DATA, group, axes="tzyx", scaler=None)
    stack = open_stack(tmp_path / "other.zarr")
    assert stack.axes == "TZYX"
    np.testing.assert_array_equal(stack.read((1, 0)), DATA[1, 0])


@pytest.mark.parametrize("name", ["/", "", None])
def test_an_image_without_a_name_has_that_of_its_folder(tmp_path, name):
    write_ome_zarr(tmp_path / "movie 7.zarr", "0.4")
    group = zarr.open_group(tmp_path / "movie 7.zarr")
    (multiscale,) = group.attrs["multiscales"]
    group.attrs["multiscales"] = [{**multiscale, "name": name}]
    assert open_stack(tmp_path / "movie 7.zarr").name == "movie 7"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plain_array_needs_axes(tmp_path, zarr_format):
    path = tmp_path / "plain.zarr"
    zarr.save_array(path, DATA, zarr_format=zarr_format)
    with pytest.raises(InvalidAxesError, match="--axes"):
        open_stack(path)
    stack = open_stack(path, axes="TZYX")
    np.testing.assert_array_equal(stack.read((1, 1)), DATA[1, 1])


def test_dimension_names_are_axes(tmp_path):
    path = tmp_path / "named.zarr"
    zarr.create_array(
        path, data=DATA, dimension_names=["time", "z", "y", "x"], zarr_format=3
    )
    assert open_stack(path).axes == "TZYX"


def test_dimensions_of_xarray_in_zarr_2_are_axes(tmp_path):
    path = tmp_path / "xarray.zarr"
    array = zarr.create_array(path, data=DATA, zarr_format=2)
    array.attrs["_ARRAY_DIMENSIONS"] = ["t", "z", "y", "x"]
    assert open_stack(path).axes == "TZYX"


def test_a_group_with_one_array_is_that_array(tmp_path):
    group = zarr.open_group(tmp_path / "group.zarr", mode="w")
    group.create_array("raw", data=DATA)
    assert open_stack(tmp_path / "group.zarr", axes="TZYX").shape == DATA.shape
    group.create_array("more", data=DATA)
    with pytest.raises(UnreadableInputError, match="arrays more, raw"):
        open_stack(tmp_path / "group.zarr")


def test_an_empty_group_says_so(tmp_path):
    zarr.open_group(tmp_path / "group.zarr", mode="w")
    with pytest.raises(UnreadableInputError, match="no array"):
        open_stack(tmp_path / "group.zarr")


def test_the_first_image_of_bioformats2raw_is_opened(tmp_path):
    path = tmp_path / "plate.zarr"
    zarr.open_group(path, mode="w").attrs["ome"] = {"bioformats2raw.layout": 3}
    write_ome_zarr(path / "0", "0.5")
    assert open_stack(path).axes == "TZYX"


def test_an_image_of_bioformats2raw_is_chosen(tmp_path):
    path = tmp_path / "positions.zarr"
    group = zarr.open_group(path, mode="w")
    group.create_group("OME")
    for number in ("0", "1"):
        write_ome_zarr(path / number, "0.5")
    zarr.open_array(path / "1" / "0")[...] = DATA + 1
    with pytest.warns(SeveralImagesWarning, match="2 images, of which number 0"):
        np.testing.assert_array_equal(open_stack(path).read((1, 2)), DATA[1, 2])
    stack = open_stack(path, series=1)
    np.testing.assert_array_equal(stack.read((1, 2)), DATA[1, 2] + 1)
    assert stack.series == (1, 2)
    with pytest.raises(InvalidImageError, match="use 0 to 1"):
        open_stack(path, series=2)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_name_with_two_colons_is_no_chain_of_addresses(tmp_path, version):
    write_ome_zarr(tmp_path / "movie.zarr", version)
    place = (tmp_path / "movie.zarr").rename(tmp_path / "well::3.zarr")
    np.testing.assert_array_equal(open_stack(place).read((1, 2)), DATA[1, 2])
    np.testing.assert_array_equal(
        open_stack(place / "0", axes="TZYX").read((0, 1)), DATA[0, 1]
    )


def test_damaged_metadata_is_named(tmp_path):
    path = tmp_path / "damaged.zarr"
    zarr.save_array(path, DATA)
    (path / "zarr.json").write_text("{")
    with pytest.raises(UnreadableInputError, match=r"damaged\.zarr"):
        open_stack(path)


def test_metadata_without_its_array_is_named(tmp_path):
    path = tmp_path / "half.zarr"
    write_ome_zarr(path, "0.5")
    (path / "0" / "zarr.json").unlink()
    with pytest.raises(UnreadableInputError, match="missing"):
        open_stack(path)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_damaged_chunk_is_named(tmp_path, zarr_format):
    path = tmp_path / "damaged.zarr"
    array = zarr.create_array(
        path, shape=DATA.shape, chunks=(1, 1, 8, 9), dtype="u2", zarr_format=zarr_format
    )
    array[...] = DATA
    chunk = path / ("1.2.0.0" if zarr_format == 2 else "c/1/2/0/0")
    chunk.write_bytes(chunk.read_bytes()[:20])
    stack = open_stack(path, axes="TZYX")
    np.testing.assert_array_equal(stack.read((1, 1)), DATA[1, 1])
    with pytest.raises(UnreadableInputError, match=r"T=1, Z=2 of .*damaged\.zarr"):
        stack.read((1, 2))
