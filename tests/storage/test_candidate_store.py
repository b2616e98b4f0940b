import zipfile

import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.candidate_store import CandidateStore


@pytest.fixture
def store(tmp_path):
    return CandidateStore(tmp_path / "candidates")


@pytest.fixture
def masks(disks_image):
    return MaskSet.from_labels(disks_image.labels)


def test_masks_come_back_as_they_were(store, masks, disks_image):
    store.put("t000", masks)
    found = store.get("t000")
    assert found.shape == disks_image.labels.shape
    for number in range(disks_image.n_disks):
        np.testing.assert_array_equal(
            found.full_mask(number), disks_image.labels == number + 1
        )
    np.testing.assert_array_equal(found.points, masks.points)


def test_a_plane_without_objects_is_kept_too(store):
    store.put("empty", MaskSet.empty((96, 128)))
    found = store.get("empty")
    assert len(found) == 0
    assert found.shape == (96, 128)


def test_missing_masks_are_none(store):
    assert store.get("t000") is None
    assert "t000" not in store
    assert list(store.keys()) == []


def test_damaged_masks_are_dropped(store, masks):
    store.put("t000", masks)
    file = store.path / "t000.npz"
    file.write_bytes(file.read_bytes()[:100])
    assert store.get("t000") is None
    assert "t000" not in store
    store.put("t000", masks)
    assert len(store.get("t000")) == len(masks)


def test_a_flipped_bit_is_noticed(store, masks):
    store.put("t000", masks)
    file = store.path / "t000.npz"
    with zipfile.ZipFile(file) as archive:
        begin = archive.getinfo("boxes.npy").header_offset
    content = bytearray(file.read_bytes())
    # The last byte before the next member is one of the compressed boxes.
    end = content.index(b"PK\x03\x04", begin + 4)
    content[end - 5] ^= 8
    file.write_bytes(content)
    assert store.get("t000") is None


def test_keys_and_clear(store, masks):
    for key in ("b", "a"):
        store.put(key, masks)
    (store.path / "notes.txt").write_text("mine")
    assert list(store.keys()) == ["a", "b"]
    store.clear()
    assert list(store.keys()) == []
    assert (store.path / "notes.txt").exists()


@pytest.mark.parametrize("key", ["", "../escape", ".hidden", "a/b"])
def test_keys_that_are_no_file_names_are_refused(store, masks, key):
    with pytest.raises(StorageError, match="name of a file"):
        store.put(key, masks)
