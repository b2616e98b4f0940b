import errno
import os

import numpy as np
import pytest

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.errors import InvalidImageError, StorageError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.label_store import LabelStore

LENGTHS = {"T": 3, "Z": 2, "Y": 20, "X": 24}
SCALE = {"T": 30.0, "Z": 2.0, "Y": 0.5, "X": 0.25}
UNITS = {"T": "s", "Z": "µm", "Y": "µm", "X": "µm"}


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def labels_of(axes):
    shape = tuple(LENGTHS[axis] for axis in axes)
    return np.random.default_rng(0).integers(0, 9, shape).astype(np.int32)


def fill(path, axes, *, image=None):
    labels = labels_of(axes)
    store = LabelStore.create(
        path,
        axes=axes,
        shape=labels.shape,
        scale=SCALE,
        units=UNITS,
        image_dtype=None if image is None else image.dtype,
        is_rgb=image is not None and image.ndim > labels.ndim,
    )
    for index in np.ndindex(labels.shape[:-2]):
        store.write_plane(index, labels[index])
        if image is not None:
            store.write_image_plane(index, image[index])
    return store, labels


@pytest.mark.parametrize("axes", ["YX", "TYX", "ZYX", "TZYX"])
def test_planes_are_read_back(tmp_path, axes):
    _, labels = fill(tmp_path / "a.zarr", axes)
    again = LabelStore.open(tmp_path / "a.zarr", mode="r")
    assert (again.axes, again.index_axes) == (axes, axes[:-2])
    assert again.labels.dtype == np.int32
    for index in np.ndindex(labels.shape[:-2]):
        np.testing.assert_array_equal(again.read_plane(index), labels[index])


def test_planes_that_were_not_written_are_empty(tmp_path):
    store = LabelStore.create(tmp_path / "a.zarr", axes="TYX", shape=(3, 4, 5))
    np.testing.assert_array_equal(store.read_plane((1,)), np.zeros((4, 5)))


def test_other_axis_orders_are_numbered_as_given(tmp_path):
    store = LabelStore.create(tmp_path / "a.zarr", axes="ZTYX", shape=(2, 3, 20, 24))
    plane = labels_of("YX")
    store.write_plane((1, 2), plane)
    assert store.axes == "TZYX"
    np.testing.assert_array_equal(store.read_plane((1, 2)), plane)
    np.testing.assert_array_equal(store.labels[2, 1], plane)


def test_planes_across_slices_are_kept_where_they_belong(tmp_path):
    store = LabelStore.create(
        tmp_path / "a.zarr", axes="YXZ", shape=(20, 24, 2), plane_axes=("X", "Z")
    )
    plane = np.arange(48).reshape(24, 2)
    store.write_plane((7,), plane)
    np.testing.assert_array_equal(store.read_plane((7,)), plane)
    np.testing.assert_array_equal(store.labels[:, 7, :], plane.T)


def test_done_is_remembered_for_each_plane(tmp_path):
    store = LabelStore.create(tmp_path / "a.zarr", axes="TZYX", shape=(3, 2, 4, 5))
    store.mark_done((1, 0))
    again = LabelStore.open(tmp_path / "a.zarr")
    marked = [index for index in np.ndindex(3, 2) if again.done(index)]
    assert marked == [(1, 0)]


def test_a_single_plane_can_be_done(tmp_path):
    store = LabelStore.create(tmp_path / "a.zarr", axes="YX", shape=(4, 5))
    assert not store.done(())
    store.mark_done(())
    assert store.done(())


@pytest.mark.parametrize(
    "plane",
    [
        np.zeros((4, 6), int),
        np.zeros((4, 5)),
        np.full((4, 5), 2**31, np.int64),
    ],
)
def test_planes_that_are_no_labels_are_refused(tmp_path, plane):
    store = LabelStore.create(tmp_path / "a.zarr", axes="TYX", shape=(3, 4, 5))
    with pytest.raises(InvalidImageError):
        store.write_plane((0,), plane)


def test_a_full_disk_leaves_written_planes_whole(tmp_path, monkeypatch):
    store, labels = fill(tmp_path / "a.zarr", "TYX")

    def no_space(self, *_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(store.labels), "__setitem__", no_space)
    with pytest.raises(StorageError, match="disk is full"):
        store.write_plane((1,), labels[0])
    np.testing.assert_array_equal(store.read_plane((1,)), labels[1])


def test_a_damaged_plane_is_named(tmp_path):
    store, labels = fill(tmp_path / "a.zarr", "TYX")
    chunk = tmp_path / "a.zarr/labels/masks/0/c/1/0/0"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    np.testing.assert_array_equal(store.read_plane((0,)), labels[0])
    with pytest.raises(StorageError, match=r"plane \(1,\)"):
        store.read_plane((1,))


def test_the_image_is_a_stack_again(tmp_path):
    image = labels_of("TYX").astype(np.uint16) * 7
    fill(tmp_path / "a.zarr", "TYX", image=image)
    stack = open_stack(tmp_path / "a.zarr")
    assert (stack.axes, stack.dtype) == ("TYX", np.uint16)
    assert stack.scale == {axis: SCALE[axis] for axis in "TYX"}
    assert stack.units["X"] == "micrometer"
    np.testing.assert_array_equal(stack.read((2,)), image[2])


def test_an_rgb_image_has_a_channel_axis_that_is_read_as_colours(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (3, 20, 24, 3), np.uint8)
    fill(tmp_path / "a.zarr", "TYX", image=image)
    stack = open_stack(tmp_path / "a.zarr")
    assert (stack.axes, stack.is_rgb) == ("TCYX", True)
    np.testing.assert_array_equal(stack.read((1,)), image[1])


def test_without_room_for_an_image_none_is_written(tmp_path):
    store, _ = fill(tmp_path / "a.zarr", "TYX")
    with pytest.raises(InvalidImageError, match="image_dtype"):
        store.write_image_plane((0,), np.zeros((20, 24)))


@pytest.mark.parametrize("axes", ["YX", "TYX", "TZYX"])
@pytest.mark.parametrize("is_rgb", [False, True])
def test_it_is_valid_for_ome_zarr_models(tmp_path, axes, is_rgb):
    models = pytest.importorskip(
        "ome_zarr_models", reason="ome-zarr-models is a reference for tests only"
    )
    import zarr

    dtype = np.uint8 if is_rgb else np.uint16
    image = labels_of(axes).astype(dtype)
    if is_rgb:
        image = np.stack([image] * 3, axis=-1)
    fill(tmp_path / "a.zarr", axes, image=image)
    root = zarr.open_group(tmp_path / "a.zarr", mode="r")
    validated = models.open_ome_zarr(root)
    assert type(validated) is models.v05.Image
    assert validated.labels.attributes.ome.labels == ["masks"]
    label = models.v05.ImageLabel.from_zarr(root["labels/masks"])
    assert [axis.name for axis in label.attributes.ome.multiscales[0].axes] == list(
        axes.lower()
    )


def test_it_is_read_by_ome_zarr(tmp_path):
    reader = pytest.importorskip(
        "ome_zarr.reader", reason="ome-zarr is a reference for tests only"
    )
    from ome_zarr.io import parse_url

    image = labels_of("TYX").astype(np.uint16)
    _, labels = fill(tmp_path / "a.zarr", "TYX", image=image)
    nodes = list(reader.Reader(parse_url(tmp_path / "a.zarr"))())
    # Only the image is uint16, only the labels are int32.
    arrays = [np.asarray(node.data[0]) for node in nodes if node.data]
    found = {array.dtype.name: array for array in arrays}
    np.testing.assert_array_equal(found["uint16"], image)
    np.testing.assert_array_equal(found["int32"], labels)


@pytest.mark.parametrize("axes", ["TYX", "YTX"])
def test_bands_of_a_large_plane_make_the_levels_of_the_whole(tmp_path, axes):
    plane_axes = ("T", "X") if axes == "YTX" else ("Y", "X")
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 9, (517, 5)), np.ones((5, 5), int))[:2583]
    colours = rng.integers(0, 255, (*labels.shape, 3), dtype=np.uint8)
    stores = []
    for name in ("whole", "banded"):
        store = LabelStore.create(
            tmp_path / name,
            axes=axes,
            shape=(2, *labels.shape),
            plane_axes=plane_axes,
            image_dtype=np.uint8,
            is_rgb=True,
        )
        stores.append(store)
    for store, wrap in zip(stores, (np.asarray, banded), strict=True):
        store.write_plane((1,), wrap(labels))
        store.write_image_plane((1,), wrap(colours))
    whole, parts = stores
    assert len(whole._levels) > 3
    for a, b in zip(whole._levels, parts._levels, strict=True):
        np.testing.assert_array_equal(a[:], b[:])
    for a, b in zip(whole._image_levels, parts._image_levels, strict=True):
        np.testing.assert_array_equal(a[:], b[:])
    np.testing.assert_array_equal(parts.read_plane((1,)), labels)
    rows = slice(1500, 2583)
    np.testing.assert_array_equal(parts.read_plane((1,), rows), labels[rows])


def banded(pixels):
    return BandedPlane(pixels.shape, pixels.dtype, lambda rows: pixels[rows])
