import pickle

import numpy as np
import pytest
import tifffile
import zarr

from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    SeveralImagesWarning,
    UnreadableInputError,
)
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.stacks.tiff import TiffPages


def made_up(*shape, dtype=np.uint16):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


FILES = {
    "plain plane": (made_up(8, 9), {}, "YX"),
    "one pixel": (made_up(1, 1), {}, "YX"),
    "float plane": (made_up(8, 9, dtype=np.float32), {}, "YX"),
    "big endian": (made_up(8, 9), {"byteorder": ">"}, "YX"),
    "named axes": (made_up(5, 8, 9), {"metadata": {"axes": "TYX"}}, "TYX"),
    "compressed": (
        made_up(5, 8, 9),
        {"metadata": {"axes": "ZYX"}, "compression": "zlib"},
        "ZYX",
    ),
    "tiled": (
        made_up(5, 40, 50),
        {"metadata": {"axes": "TYX"}, "tile": (16, 16), "compression": "lzw"},
        "TYX",
    ),
    "three slices": (made_up(2, 3, 8, 9), {"metadata": {"axes": "TZYX"}}, "TZYX"),
    "ImageJ": (made_up(5, 8, 9), {"imagej": True, "metadata": {"axes": "TYX"}}, "TYX"),
    "ImageJ hyperstack": (
        made_up(2, 3, 2, 8, 9),
        {"imagej": True, "metadata": {"axes": "TZCYX"}},
        "TZCYX",
    ),
    "OME": (made_up(2, 3, 8, 9), {"ome": True, "metadata": {"axes": "TZYX"}}, "TZYX"),
    "OME of one row": (
        made_up(5, 1, 9),
        {"ome": True, "metadata": {"axes": "TYX"}},
        "TYX",
    ),
    "RGB": (made_up(8, 9, 3, dtype=np.uint8), {"photometric": "rgb"}, "YXS"),
    "RGB movie": (
        made_up(4, 8, 9, 3, dtype=np.uint8),
        {"photometric": "rgb", "metadata": {"axes": "TYXS"}},
        "TYXS",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_every_plane_of_a_tiff_is_found(tmp_path, case):
    data, options, axes = FILES[case]
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, data, **options)

    stack = open_stack(path)

    assert stack.axes == axes
    assert stack.shape == data.shape
    whole = np.moveaxis(data, axes.index("C"), 0)[0] if "C" in axes else data
    for index in stack.indices():
        np.testing.assert_array_equal(stack.read(index), whole[index])


def test_planar_rgb_is_rgb(tmp_path):
    data = made_up(3, 8, 9, dtype=np.uint8)
    path = tmp_path / "planar.tif"
    tifffile.imwrite(path, data, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(open_stack(path).read(), np.moveaxis(data, 0, -1))


def test_unnamed_pages_are_asked_for(tmp_path):
    path, data = tmp_path / "pages.tif", made_up(5, 8, 9)
    tifffile.imwrite(path, data)
    with pytest.raises(InvalidAxesError, match="--axes"):
        open_stack(path)
    assert open_stack(path, axes="zyx").axes == "ZYX"
    assert open_stack(path, unnamed="T").axes == "TYX"


def test_only_the_page_that_is_asked_for_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, made_up(5, 8, 9), metadata={"axes": "TYX"})
    decoded = []
    for page_class in (tifffile.TiffPage, tifffile.TiffFrame):
        original = page_class.asarray

        def counted(self, *args, original=original, **kwargs):
            decoded.append(self.index)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(page_class, "asarray", counted)
    stack = open_stack(path)
    assert decoded == []
    stack.read((3,))
    assert set(decoded) == {3}


def test_imagej_files_of_one_page_reach_their_last_plane(tmp_path):
    # ImageJ writes hyperstacks beyond 4 GB with a single page; the pixels follow it.
    path, data = tmp_path / "large.tif", made_up(6, 8, 9)
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "TYX"})
    with tifffile.TiffFile(path, mode="r+") as file:
        first = file.pages.first
        next_page = first.offset + 2 + 12 * len(first.tags)
    with path.open("r+b") as raw:
        raw.seek(next_page)
        raw.write(b"\0\0\0\0")
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    np.testing.assert_array_equal(open_stack(path).read((5,)), data[5])


def test_sizes_of_ome_and_imagej_are_kept(tmp_path):
    ome, imagej = tmp_path / "a.ome.tif", tmp_path / "b.tif"
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "TimeIncrement": 30.0}
    tifffile.imwrite(ome, made_up(2, 8, 9), metadata={"axes": "TYX", **sizes})
    tifffile.imwrite(
        imagej,
        made_up(2, 8, 9),
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "ZYX", "spacing": 2.0, "unit": "um"},
    )
    stack = open_stack(ome)
    assert stack.scale == {"X": 0.5, "Y": 0.25, "T": 30.0}
    assert stack.units == {"X": "µm", "Y": "µm", "T": "s"}
    stack = open_stack(imagej)
    assert stack.scale == {"X": 0.25, "Y": 0.25, "Z": 2.0}
    assert stack.units == {"X": "µm", "Y": "µm", "Z": "µm"}


def write_positions(path):
    """Write three images of different pixel sizes into one OME-TIFF."""
    movies = [made_up(2, 8, 9) + 1000 * number for number in range(3)]
    with tifffile.TiffWriter(path, ome=True) as file:
        for number, movie in enumerate(movies):
            size = {"PhysicalSizeX": 0.5 * (number + 1), "PhysicalSizeXUnit": "µm"}
            file.write(
                movie, photometric="minisblack", metadata={"axes": "TYX", **size}
            )
    return movies


def test_one_of_several_images_is_chosen(tmp_path):
    path = tmp_path / "positions.ome.tif"
    for number, movie in enumerate(write_positions(path)):
        stack = pickle.loads(pickle.dumps(open_stack(path, series=number)))
        assert stack.series == (number, 3)
        assert stack.scale["X"] == 0.5 * (number + 1)
        np.testing.assert_array_equal(stack.read((1,)), movie[1])
        assert stack.select(T=slice(1, 2)).series == (number, 3)
    with pytest.raises(InvalidImageError, match=r"holds 3 images.* use 0 to 2"):
        open_stack(path, series=3)


def test_the_first_of_several_images_is_read_with_a_warning(tmp_path):
    path = tmp_path / "sizes.tif"
    pages = made_up(8, 9), made_up(5, 6)
    with tifffile.TiffWriter(path) as file:
        for page in pages:
            file.write(page)
    with pytest.warns(SeveralImagesWarning, match="2 images, of which number 0"):
        stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(), pages[0])
    np.testing.assert_array_equal(open_stack(path, series=1).read(), pages[1])


@pytest.mark.parametrize("name", ["image.tif", "image.npy", "image.zarr", "frames"])
def test_a_single_image_has_no_other_series(tmp_path, name):
    path, data = tmp_path / name, made_up(8, 9)
    if name == "frames":
        path.mkdir()
        tifffile.imwrite(path / "0.tif", data)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, data)
    elif path.suffix == ".npy":
        np.save(path, data)
    else:
        zarr.create_array(path, data=data)
    assert open_stack(path, series=0).series == (0, 1)
    with pytest.raises(InvalidImageError, match="is a single image"):
        open_stack(path, series=1)
    with pytest.raises(InvalidImageError, match="is a single image"):
        open_stack(data, series=1)


def test_a_file_that_is_no_tiff_is_named(tmp_path):
    path = tmp_path / "wrong.tif"
    path.write_bytes(b"this is text, not an image")
    with pytest.raises(UnreadableInputError, match=r"wrong\.tif"):
        open_stack(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_tiff_never_gives_wrong_pixels(tmp_path, compression):
    path, data = tmp_path / "cut.tif", made_up(5, 64, 64)
    tifffile.imwrite(path, data, metadata={"axes": "TYX"}, compression=compression)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableInputError, match=r"cut\.tif"):
        open_stack(path, unnamed="T").read((4,))


def test_pages_can_be_sent_to_another_process(tmp_path):
    path, data = tmp_path / "movie.tif", made_up(5, 8, 9)
    tifffile.imwrite(path, data, metadata={"axes": "TYX"})
    pages = TiffPages(path)
    np.testing.assert_array_equal(pages(1), data[1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pages))(2), data[2])
    stack = pickle.loads(pickle.dumps(open_stack(path)))
    np.testing.assert_array_equal(stack.read((3,)), data[3])


@pytest.mark.parametrize("axes", ["YX", "ZYX", "TCYX", "YXS"])
def test_levels_of_a_pyramid_are_read(tmp_path, axes):
    lengths = {"T": 2, "C": 2, "Z": 3, "Y": 256, "X": 128, "S": 3}
    shape = tuple(lengths[axis] for axis in axes)
    data = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    halves = tuple(slice(None, None, 2 if axis in "YX" else 1) for axis in axes)
    levels = [data, data[halves], data[halves][halves]]
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
    options = {"tile": (16, 16), "photometric": "rgb" if "S" in axes else "minisblack"}
    with tifffile.TiffWriter(tmp_path / "slide.ome.tif") as file:
        file.write(data, subifds=2, metadata={"axes": axes, **size}, **options)
        for smaller in levels[1:]:
            file.write(smaller, subfiletype=1, **options)
    for level, expected in enumerate(levels):
        stack = open_stack(tmp_path / "slide.ome.tif", level=level)
        stack = pickle.loads(pickle.dumps(stack))
        assert (stack.axes, stack.shape) == (axes, expected.shape)
        assert stack.scale["X"] == 0.5 * 2**level
        assert stack.translate.get("X", 0) == 0.5 * (2**level - 1) / 2
        index = tuple(-1 for _ in stack.index_axes)
        last = expected[-1, 0] if "C" in axes else expected[index]
        np.testing.assert_array_equal(stack.read(index), last)
    with pytest.raises(InvalidImageError, match="3 resolution levels"):
        open_stack(tmp_path / "slide.ome.tif", level=3)
