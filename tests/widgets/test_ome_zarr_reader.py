import numpy as np
import pytest
import zarr
from npe2 import PluginManager, PluginManifest

from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.widgets.ome_zarr_reader import (
    ome_zarr_reader,
    read_ome_zarr,
)

pytestmark = pytest.mark.gui

SCALE = {"T": 30.0, "Y": 0.5, "X": 0.25}
UNITS = {"T": "s", "Y": "µm", "X": "µm"}
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 9, (3, 300, 24)).astype(np.int32)
IMAGE = RNG.integers(0, 999, LABELS.shape).astype(np.uint16)


@pytest.fixture(autouse=True)
def _known_to_napari():
    PluginManager.instance().discover()


def write_result(path, image=None, **options):
    """What a job writes: labels, and the image where it is copied."""
    is_rgb = image is not None and image.ndim > LABELS.ndim
    store = LabelStore.create(
        path,
        axes="TYX",
        shape=LABELS.shape,
        scale=SCALE,
        units=UNITS,
        image_dtype=None if image is None else image.dtype,
        is_rgb=is_rgb,
        **options,
    )
    for index in np.ndindex(LABELS.shape[:-2]):
        store.write_plane(index, LABELS[index])
        if image is not None:
            store.write_image_plane(index, image[index])
    return str(path)


def test_the_manifest_offers_the_reader_for_zarr_folders(tmp_path):
    manifest = PluginManifest.from_distribution("napari-segment-anything")
    (reader,) = manifest.contributions.readers
    assert reader.accepts_directories
    assert reader.filename_patterns == ["*.zarr"]
    (command,) = [
        one for one in manifest.contributions.commands if one.id == reader.command
    ]
    path = write_result(tmp_path / "result.ome.zarr", IMAGE)
    layers = command.exec((path,))(path)
    assert [kind for *_, kind in layers] == ["image", "labels"]


def test_napari_opens_a_result_in_place(viewer_model, tmp_path):
    path = write_result(tmp_path / "result.ome.zarr", IMAGE)
    image, labels = viewer_model.open(path, plugin="napari-segment-anything")
    assert (image.name, labels.name) == ("result", "masks")
    assert type(labels).__name__ == "Labels"
    assert image.multiscale
    assert labels.multiscale
    for layer in (image, labels):
        np.testing.assert_allclose(layer.scale, [30, 0.5, 0.25])
        assert [str(unit) for unit in layer.units] == [
            "second",
            "micrometer",
            "micrometer",
        ]
        assert list(layer.axis_labels) == ["T", "Y", "X"]
    np.testing.assert_array_equal(np.asarray(image.data[0]), IMAGE)
    np.testing.assert_array_equal(np.asarray(labels.data[0]), LABELS)


def test_labels_without_an_image_open_too(viewer_model, tmp_path):
    path = write_result(tmp_path / "tracked.zarr")
    (labels,) = viewer_model.open(path, plugin="napari-segment-anything")
    np.testing.assert_array_equal(np.asarray(labels.data[0]), LABELS)


def test_a_copied_picture_in_colours_is_shown_in_colours(viewer_model, tmp_path):
    picture = RNG.integers(0, 255, (*LABELS.shape, 3)).astype(np.uint8)
    path = write_result(tmp_path / "colours.zarr", picture)
    image, _ = viewer_model.open(path, plugin="napari-segment-anything")
    assert image.rgb
    np.testing.assert_array_equal(np.asarray(image.data[0]), picture)


def test_channels_become_layers(viewer_model, tmp_path):
    group = zarr.open_group(str(tmp_path / "image.zarr"), mode="w", zarr_format=2)
    data = RNG.integers(0, 99, (2, 5, 6)).astype(np.uint8)
    group.create_array("0", shape=data.shape, dtype=data.dtype)[...] = data
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [
                {"name": "c", "type": "channel"},
                {"name": "y", "type": "space", "unit": "furlongs of old"},
                {"name": "x", "type": "space"},
            ],
            "datasets": [
                {
                    "path": "0",
                    "coordinateTransformations": [
                        {"type": "scale", "scale": [1, 2, 3]}
                    ],
                }
            ],
        }
    ]
    first, second = viewer_model.open(
        str(tmp_path / "image.zarr"), plugin="napari-segment-anything"
    )
    assert [first.name, second.name] == ["image [0]", "image [1]"]
    np.testing.assert_allclose(second.scale, [2, 3])
    np.testing.assert_array_equal(np.asarray(second.data), data[1])


def test_no_pixel_is_read_before_it_is_shown(tmp_path, monkeypatch):
    path = write_result(tmp_path / "result.zarr", IMAGE)
    monkeypatch.setattr(zarr.Array, "__getitem__", _refuse)
    monkeypatch.setattr(zarr.Array, "get_basic_selection", _refuse)
    (image, *_), (labels, *_) = read_ome_zarr(path)
    for levels in (image, labels):
        with pytest.raises(AssertionError, match="pixels were read"):
            np.asarray(levels[0])


def _refuse(*_arguments, **_options):
    raise AssertionError("pixels were read")


def test_other_folders_are_left_to_others(tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "empty.zarr").mkdir()
    zarr.create_array(str(tmp_path / "bare.zarr"), shape=(4, 4), dtype="u1")
    zarr.open_group(str(tmp_path / "group.zarr"), mode="w")
    torn = tmp_path / "torn.zarr"
    torn.mkdir()
    (torn / "zarr.json").write_text("{")
    for path in tmp_path.iterdir():
        assert ome_zarr_reader(str(path)) is None
    assert ome_zarr_reader(str(tmp_path / "missing.zarr")) is None
    assert ome_zarr_reader([write_result(tmp_path / "result.zarr")]) is None
