import os

import pytest
import zarr

from napari_segment_anything.errors import InvalidAxesError, StorageError
from napari_segment_anything.storage import label_layout
from napari_segment_anything.storage.label_layout import (
    LabelLayout,
    is_free,
    write_layout,
)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_chunk_is_one_plane(tmp_path):
    layout = LabelLayout(axes="TZYX", shape=(2, 3, 40, 50), image_dtype="u2")
    write_layout(tmp_path / "movie.zarr", layout)
    root = zarr.open_group(tmp_path / "movie.zarr", mode="r")
    assert root["labels/masks/0"].chunks == (1, 1, 40, 50)
    assert root["0"].chunks == (1, 1, 40, 50)


def test_half_a_layout_never_appears(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(label_layout, "_make_array", fail)
    with pytest.raises(StorageError, match="disk is full"):
        write_layout(tmp_path / "a.zarr", LabelLayout(axes="YX", shape=(4, 5)))
    assert names_in(tmp_path) == []


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "mine").touch()
    with pytest.raises(StorageError, match="exists already"):
        write_layout(tmp_path / "a.zarr", LabelLayout(axes="YX", shape=(4, 5)))
    assert names_in(tmp_path / "a.zarr") == ["mine"]


def test_an_empty_folder_is_free(tmp_path):
    assert is_free(tmp_path)
    assert is_free(tmp_path / "new.zarr")
    (tmp_path / "file").touch()
    assert not is_free(tmp_path)
    assert not is_free(tmp_path / "file")


@pytest.mark.parametrize(
    ("axes", "shape"), [("TYX", (4, 5)), ("TZX", (2, 4, 5)), ("YXS", (4, 5, 3))]
)
def test_axes_that_do_not_fit_are_refused(tmp_path, axes, shape):
    with pytest.raises(InvalidAxesError):
        write_layout(tmp_path / "a.zarr", LabelLayout(axes=axes, shape=shape))


@pytest.mark.parametrize("image", [False, True])
def test_a_large_plane_is_cut_into_chunks(tmp_path, image):
    layout = LabelLayout(
        axes="TYX", shape=(2, 5000, 300), image_dtype="u1" if image else None
    )
    write_layout(tmp_path / "slide.zarr", layout)
    root = zarr.open_group(tmp_path / "slide.zarr", mode="r")
    assert root["labels/masks/0"].chunks == (1, 1024, 300)
    # Smaller levels are small enough again.
    assert root["labels/masks/1"].chunks == (1, 2500, 150)
    if image:
        assert root["0"].chunks == (1, 1024, 300)
