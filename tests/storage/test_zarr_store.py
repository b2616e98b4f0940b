import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from embedding_store_contract import (
    EmbeddingStoreContract,
    assert_equal,
    make_embedding,
    make_key,
)

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage import zarr_store
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore


class TestZarrEmbeddingStore(EmbeddingStoreContract):
    @pytest.fixture
    def make_store(self, tmp_path):
        def make(max_bytes=None):
            return ZarrEmbeddingStore(tmp_path / "store", quota_bytes=max_bytes)

        return make


@pytest.fixture
def store(tmp_path):
    return ZarrEmbeddingStore(tmp_path / "store")


def temporaries(store):
    return [path.name for path in store.path.iterdir() if path.name.startswith(".tmp")]


def test_an_entry_is_a_zarr_3_array_of_half_floats(store):
    store.put(make_key(1), make_embedding())
    array = zarr.open_array(store.path / make_key(1), mode="r")
    assert array.metadata.zarr_format == 3
    assert array.dtype == np.float16
    assert array.attrs["plane_shape"] == [96, 128]


def test_features_beyond_half_floats_are_kept(store):
    embedding = make_embedding()
    large = ImageEmbedding(
        features=embedding.features * 1e5,
        geometry=embedding.geometry,
        intensity_range=embedding.intensity_range,
        model_digest="",
    )
    store.put(make_key(1), large)
    assert_equal(store.get(make_key(1)), large)


def test_features_that_are_all_zero_are_no_damage(store):
    embedding = make_embedding()
    zero = ImageEmbedding(
        features=torch.zeros_like(embedding.features),
        geometry=embedding.geometry,
        intensity_range=embedding.intensity_range,
        model_digest="",
    )
    store.put(make_key(1), zero)
    assert_equal(store.get(make_key(1)), zero)


def flip_a_bit(entry):
    chunk = entry / "c/0/0/0/0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)


def cut_the_chunk(entry):
    chunk = entry / "c/0/0/0/0"
    chunk.write_bytes(chunk.read_bytes()[:50])


def lose_the_chunk(entry):
    (entry / "c/0/0/0/0").unlink()


def lose_the_metadata(entry):
    (entry / "zarr.json").unlink()


def garble_the_metadata(entry):
    (entry / "zarr.json").write_text('{"zarr_format": 3')


def lose_an_attribute(entry):
    text = (entry / "zarr.json").read_text()
    (entry / "zarr.json").write_text(text.replace("frame_size", "size"))


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        cut_the_chunk,
        lose_the_chunk,
        lose_the_metadata,
        garble_the_metadata,
        lose_an_attribute,
    ],
)
def test_a_damaged_entry_is_dropped_and_can_be_put_again(store, damage):
    store.put(make_key(1), make_embedding(1))
    store.put(make_key(2), make_embedding(2))
    damage(store.path / make_key(1))

    assert store.get(make_key(1)) is None

    assert make_key(1) not in store
    assert temporaries(store) == []
    assert_equal(store.get(make_key(2)), make_embedding(2))
    store.put(make_key(1), make_embedding(1))
    assert_equal(store.get(make_key(1)), make_embedding(1))


def test_entries_are_found_by_another_store_of_the_folder(store):
    store.put(make_key(1), make_embedding())
    assert_equal(ZarrEmbeddingStore(store.path).get(make_key(1)), make_embedding())


def test_a_folder_may_be_moved(store, tmp_path):
    store.put(make_key(1), make_embedding())
    store.path.rename(tmp_path / "moved")
    moved = ZarrEmbeddingStore(tmp_path / "moved")
    assert_equal(moved.get(make_key(1)), make_embedding())


def test_other_files_in_the_folder_are_left_alone(store):
    (store.path / "notes.txt").write_text("mine")
    store.put(make_key(1), make_embedding())
    store.clear()
    assert (store.path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("key", ["../escape", "", "g" * 32])
def test_what_is_no_key_is_refused(store, key):
    with pytest.raises(StorageError, match="plane_key"):
        store.put(key, make_embedding())


def test_a_full_disk_is_said_and_leaves_nothing_half(store, monkeypatch):
    store.put(make_key(1), make_embedding(1))

    def no_space(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zarr_store, "_rename_unless_there", no_space)
    with pytest.raises(StorageError, match="disk is full"):
        store.put(make_key(2), make_embedding(2))
    assert temporaries(store) == []
    assert make_key(2) not in store
    assert_equal(store.get(make_key(1)), make_embedding(1))


def test_a_file_in_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        ZarrEmbeddingStore(tmp_path / "file")


def test_leftovers_of_killed_processes_are_swept_after_a_day(store):
    fresh, stale = store.path / ".tmp-1-a", store.path / ".tmp-2-b"
    for folder in (fresh, stale):
        folder.mkdir()
    long_ago = time.time() - 3 * 24 * 60 * 60
    os.utime(stale, (long_ago, long_ago))
    ZarrEmbeddingStore(store.path)
    assert fresh.exists()
    assert not stale.exists()


def test_the_quota_counts_what_other_processes_wrote(store):
    store.put(make_key(0), make_embedding())
    one = store.nbytes()
    limited = ZarrEmbeddingStore(store.path, quota_bytes=int(3.5 * one))
    for number in range(1, 4):
        store.put(make_key(number), make_embedding())
    limited.put(make_key(9), make_embedding())
    assert limited.nbytes() <= 3.5 * one
    assert make_key(9) in limited
    assert make_key(0) not in limited


RACE = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from embedding_store_contract import make_embedding, make_key
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

store = ZarrEmbeddingStore(sys.argv[2])
ready = Path(sys.argv[3])
(ready / str(os.getpid())).touch()
while len(list(ready.iterdir())) < 3:
    time.sleep(0.001)
for number in range(20):
    store.put(make_key(number), make_embedding(number))
    found = store.get(make_key(number))
    assert found is not None and (
        found.features == make_embedding(number).features
    ).all(), number
"""


def test_racing_processes_leave_every_entry_whole(tmp_path):
    ready, folder = tmp_path / "ready", tmp_path / "store"
    ready.mkdir()
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", RACE, here, str(folder), str(ready)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    store = ZarrEmbeddingStore(folder)
    assert sorted(store.keys()) == [make_key(number) for number in range(20)]
    for number in range(20):
        assert_equal(store.get(make_key(number)), make_embedding(number))
    assert temporaries(store) == []


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_of_something_else_is_no_store(tmp_path, zarr_format):
    zarr.create_group(tmp_path / "image.zarr", zarr_format=zarr_format)
    before = sorted((tmp_path / "image.zarr").iterdir())
    with pytest.raises(StorageError, match="not a folder of embeddings"):
        ZarrEmbeddingStore(tmp_path / "image.zarr")
    assert sorted((tmp_path / "image.zarr").iterdir()) == before
