"""Labels that are added to images which other libraries wrote."""

import numpy as np
import pytest
import zarr

from napari_segment_anything.errors import StorageError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.label_group import (
    check_own_labels,
    foreign_names,
    split_label_path,
)
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.label_work import open_or_create_labels

IMAGE = np.random.default_rng(0).integers(0, 999, (2, 3, 300, 280), np.uint16)
FORMATS = ["0.4", "0.5"]


@pytest.fixture(params=FORMATS)
def image(request, tmp_path):
    """A TCYX image of two resolutions, as OME-Zarr 0.4 and 0.5 want it."""
    is_older = request.param == "0.4"
    path = tmp_path / "image.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2 if is_older else 3)
    names = {} if is_older else {"dimension_names": list("tcyx")}
    for level in (0, 1):
        data = IMAGE[..., :: 2**level, :: 2**level]
        root.create_array(
            str(level), data=data, chunks=(1, 1, *data.shape[2:]), **names
        )
    multiscale = {
        "name": "image",
        "axes": [
            {"name": "t", "type": "time"},
            {"name": "c", "type": "channel"},
            {"name": "y", "type": "space", "unit": "micrometer"},
            {"name": "x", "type": "space", "unit": "micrometer"},
        ],
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": [
                    {
                        "type": "scale",
                        "scale": [1.0, 1.0, 0.5 * 2**level, 0.5 * 2**level],
                    }
                ],
            }
            for level in (0, 1)
        ],
    }
    if is_older:
        root.attrs["multiscales"] = [{**multiscale, "version": "0.4"}]
    else:
        root.attrs["ome"] = {"version": "0.5", "multiscales": [multiscale]}
    return path


def labels_of(path, name="cells", **options):
    store = open_or_create_labels(
        path / "labels" / name,
        axes="TYX",
        shape=(2, 300, 280),
        scale={"Y": 0.5, "X": 0.5},
        image_dtype=np.uint16,
        **options,
    )
    for t in range(2):
        store.write_plane((t,), np.tile(np.arange(280) // 40, (300, 1)) + t)
        store.mark_done((t,))
    return store


def multiscale_of(path, name="cells"):
    group = zarr.open_group(path / "labels" / name, mode="r")
    attributes = dict(group.attrs)
    return attributes.get("ome", attributes)["multiscales"][0]


def test_labels_lie_in_the_image_and_leave_it_alone(image):
    before = {
        file: file.read_bytes() for file in (image / "0").rglob("*") if file.is_file()
    }
    store = labels_of(image)
    assert store.image is None
    again = LabelStore.open(image / "labels" / "cells", mode="r")
    assert again.done((1,))
    assert again.read_plane((1,))[0, 279] == 7
    assert {file: file.read_bytes() for file in before} == before
    np.testing.assert_array_equal(open_stack(image).read((1,)), IMAGE[1, 0])


def test_other_libraries_find_them(image):
    labels_of(image)
    labels_of(image, "nuclei")
    models = pytest.importorskip(
        "ome_zarr_models", reason="ome-zarr-models is a reference for tests only"
    )
    root = zarr.open_group(image, mode="r")
    validated = models.open_ome_zarr(root)
    attributes = validated.labels.attributes
    names = getattr(attributes, "ome", attributes).labels
    assert names == ["cells", "nuclei"]
    version = models.v04 if root.metadata.zarr_format == 2 else models.v05
    version.ImageLabel.from_zarr(root["labels/cells"])


def test_smaller_levels_cover_the_same_ground(image):
    labels_of(image, translate={"Y": 10.0})
    full, half = multiscale_of(image)["datasets"]
    assert full["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 0.5, 0.5]},
        {"type": "translation", "translation": [0.0, 10.0, 0.0]},
    ]
    # The centre of a pixel of twice the size lies between two old centres.
    assert half["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 1.0, 1.0]},
        {"type": "translation", "translation": [0.0, 10.25, 0.25]},
    ]
    group = zarr.open_group(image / "labels/cells", mode="r")
    assert group["1"].shape == (2, 150, 140)
    assert group["1"].chunks == (1, 150, 140)
    np.testing.assert_array_equal(group["1"][1], group["0"][1][::2, ::2])


def test_napari_s_reader_sees_all_levels(image):
    reader = pytest.importorskip(
        "ome_zarr.reader", reason="ome-zarr is a reference for tests only"
    )
    from ome_zarr.io import parse_url

    labels_of(image)
    nodes = list(reader.Reader(parse_url(image))())
    found = [node for node in nodes if node.data and node.data[0].dtype == np.int32]
    assert [level.shape for level in found[0].data] == [(2, 300, 280), (2, 150, 140)]


def test_labels_show_up_where_metadata_were_consolidated(image):
    zarr.consolidate_metadata(image)
    labels_of(image)
    assert "labels/cells" in zarr.open_group(image, mode="r")


def test_labels_of_others_are_told_from_own_ones(image):
    labels_of(image)
    root = zarr.open_group(image, mode="r+")
    root.create_group("labels/theirs").create_array("0", shape=(3, 3), dtype="i4")
    with pytest.raises(StorageError, match="choose another output"):
        labels_of(image, "theirs")
    with pytest.raises(StorageError, match="not made by this package"):
        check_own_labels(image / "labels/theirs")
    check_own_labels(image / "labels/cells")
    assert foreign_names(image) == ["theirs"]


def test_what_is_no_image_gets_no_labels(tmp_path):
    zarr.open_group(tmp_path / "group.zarr", mode="w")
    with pytest.raises(StorageError, match="no OME-Zarr image"):
        labels_of(tmp_path / "group.zarr")
    with pytest.raises(StorageError, match="cannot be opened"):
        labels_of(tmp_path / "nothing.zarr")
    assert not (tmp_path / "nothing.zarr").exists()


def test_a_label_path_names_image_and_labels(tmp_path):
    assert split_label_path(tmp_path / "a.zarr/labels/b") == (tmp_path / "a.zarr", "b")
    assert split_label_path(tmp_path / "a.zarr") == (tmp_path / "a.zarr", None)
    in_folder = tmp_path / "labels/a.zarr"
    assert split_label_path(in_folder) == (in_folder, None)
