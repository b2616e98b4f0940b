"""Labels as one TIFF."""

import os

import numpy as np
import pytest
import tifffile
import zarr

from napari_segment_anything.errors import StorageError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.label_tiff import write_label_tiff


def labels_of(shape, largest=9):
    labels = np.random.default_rng(0).integers(0, largest, shape, np.int32)
    labels[(0,) * len(shape)] = largest
    return labels


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("YX", (9, 7)), ("TYX", (3, 9, 7)), ("TZYX", (2, 3, 9, 7)), ("PYX", (3, 9, 7))],
)
@pytest.mark.parametrize(("largest", "dtype"), [(9, "uint16"), (70_000, "int32")])
def test_a_tiff_holds_the_labels_and_their_axes(tmp_path, axes, shape, largest, dtype):
    labels, path = labels_of(shape, largest), tmp_path / "labels.tif"
    write_label_tiff(path, labels, axes)
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        assert series.axes == axes
        assert series.dtype == dtype
        np.testing.assert_array_equal(series.asarray(), labels)
        assert len(file.pages) == np.prod(shape[:-2], dtype=int)


def test_pixel_sizes_are_found_again(tmp_path):
    path = tmp_path / "labels.ome.tif"
    write_label_tiff(
        path,
        labels_of((2, 3, 9, 7)),
        "TZYX",
        scale={"T": 30.0, "Z": 2.0, "Y": 0.5, "X": 0.25},
        units={"T": "second", "Z": "micrometer", "Y": "micrometer", "X": "micrometer"},
    )
    stack = open_stack(path)
    assert stack.axes == "TZYX"
    assert stack.scale == {"T": 30.0, "Z": 2.0, "Y": 0.5, "X": 0.25}
    assert stack.units["X"] == "µm"


def test_a_zarr_is_read_plane_by_plane(tmp_path):
    labels = labels_of((4, 16, 16))
    array = zarr.create_array(
        tmp_path / "labels.zarr", shape=labels.shape, chunks=(1, 16, 16), dtype="int32"
    )
    array[:] = labels
    read = []

    class Watched:
        shape = array.shape

        def __getitem__(self, index):
            read.append(index)
            return array[index]

    write_label_tiff(tmp_path / "labels.tif", Watched(), "TYX")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif"), labels)
    # Once for the largest label, once to be written.
    assert read == [(t,) for t in range(4)] * 2


@pytest.mark.skipif(os.name == "nt", reason="folders are protected otherwise there")
def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError):
        write_label_tiff(tmp_path / "file" / "labels.tif", labels_of((9, 7)), "YX")
