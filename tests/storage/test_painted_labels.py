import numpy as np
import pytest
import zarr

from napari_segment_anything.errors import StorageError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage import painted_labels
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.painted_labels import (
    fits_memory,
    labels_on_disk,
)


def test_half_of_the_memory_is_enough(monkeypatch):
    monkeypatch.setattr(painted_labels, "_memory", lambda: 8 * 1000 * 1000)
    assert fits_memory((1000, 1000))
    assert not fits_memory((1001, 1000))
    # Such a shape cannot even be counted in 64 bits.
    assert not fits_memory((2**31, 2**31, 2**31))


@pytest.mark.parametrize("axes", ["TYX", "TCZYX", "XYZ"])
def test_what_is_painted_is_on_disk(tmp_path, axes):
    napari_layers = pytest.importorskip("napari.layers")
    lengths = {"T": 3, "C": 1, "Z": 4, "Y": 300, "X": 310}
    shape = tuple(lengths[axis] for axis in axes)
    labels = labels_on_disk(tmp_path, "my cells.tif", axes=axes, shape=shape)
    path = labels.path
    layer = napari_layers.Labels(labels, axis_labels=list(axes.lower()))
    place = {axis: length // 2 for axis, length in lengths.items()} | {"Y": 200}
    position = tuple(place[axis] for axis in axes)
    expected = np.zeros(shape, np.int32)

    layer.data_setitem(tuple(np.array([n, n - 1]) for n in position), 4)
    expected[position] = expected[tuple(n - 1 for n in position)] = 4
    layer.brush_size = 1
    elsewhere = (*position[:-1], 1)
    layer.paint(elsewhere, 7)
    expected[elsewhere] = 7

    labels.flush()
    if axes == "XYZ":
        found = zarr.open_array(path, mode="r")
        assert open_stack(path).axes == "XYZ"
    else:
        found = LabelStore.open(path, mode="r").labels
    np.testing.assert_array_equal(found[...], expected)

    np.testing.assert_array_equal(labels, expected)

    layer.undo()
    layer.undo()
    labels.flush()
    assert not found[...].any()


def test_a_plane_is_cut_into_small_chunks(tmp_path):
    labels = labels_on_disk(tmp_path, "a", axes="ZYX", shape=(5, 1000, 100))
    assert LabelStore.open(labels.path).labels.chunks == (1, 512, 100)


def test_earlier_labels_are_left_alone(tmp_path):
    paths = {
        labels_on_disk(tmp_path, "a/b", axes="YX", shape=(9, 9)).path for _ in range(3)
    }
    assert len(paths) == 3
    assert all(path.parent == tmp_path for path in paths)


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        labels_on_disk(tmp_path / "file" / "x", "a", axes="YX", shape=(9, 9))
