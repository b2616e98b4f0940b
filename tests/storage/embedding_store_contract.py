"""What every store of embeddings must do; the tests of each store inherit it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.storage.embedding_store import EmbeddingStore


def make_key(number):
    return f"{number:032x}"


def make_embedding(seed=0, *, size=8):
    generator = torch.Generator().manual_seed(seed)
    # Multiples of 1/64 below 16 are the same in float16 and float32.
    features = torch.randint(-1000, 1000, (1, 4, size, size), generator=generator) / 64
    return ImageEmbedding(
        features=features,
        geometry=FrameGeometry(plane_shape=(96, 128), frame_size=128),
        intensity_range=(0.1, 4095.0),
        model_digest="ab" * 32,
    )


def assert_equal(found, expected):
    assert found is not None
    np.testing.assert_array_equal(found.features.numpy(), expected.features.numpy())
    assert found.features.dtype == torch.float32
    assert found.geometry == expected.geometry
    assert found.intensity_range == expected.intensity_range
    assert found.model_digest == expected.model_digest


class EmbeddingStoreContract:
    """Inherit and give a fixture ``make_store(max_bytes=None)``."""

    @pytest.fixture
    def store(self, make_store):
        return make_store()

    def test_it_is_a_store(self, store):
        assert isinstance(store, EmbeddingStore)

    def test_what_was_put_is_got(self, store):
        store.put(make_key(1), make_embedding(1))
        store.put(make_key(2), make_embedding(2))
        assert_equal(store.get(make_key(1)), make_embedding(1))
        assert_equal(store.get(make_key(2)), make_embedding(2))

    def test_what_was_not_put_is_none(self, store):
        assert store.get(make_key(1)) is None
        assert make_key(1) not in store

    def test_keys_tell_what_is_there(self, store):
        for number in (3, 1, 2):
            store.put(make_key(number), make_embedding())
        assert sorted(store.keys()) == [make_key(n) for n in (1, 2, 3)]
        assert make_key(2) in store
        assert "no key" not in store

    def test_putting_twice_keeps_one(self, store):
        store.put(make_key(1), make_embedding())
        once = store.nbytes()
        store.put(make_key(1), make_embedding())
        assert store.nbytes() == once
        assert_equal(store.get(make_key(1)), make_embedding())

    def test_deleted_entries_are_gone(self, store):
        store.put(make_key(1), make_embedding())
        store.delete(make_key(1))
        store.delete(make_key(1))
        assert store.get(make_key(1)) is None
        assert store.nbytes() == 0

    def test_clear_drops_all(self, store):
        for number in range(3):
            store.put(make_key(number), make_embedding())
        assert store.nbytes() > 0
        store.clear()
        assert list(store.keys()) == []
        assert store.nbytes() == 0

    def test_the_least_recently_used_is_dropped(self, make_store):
        probe = make_store()
        probe.put(make_key(0), make_embedding())
        one = probe.nbytes()
        probe.clear()
        store = make_store(max_bytes=4 * one)
        for number in range(3):
            store.put(make_key(number), make_embedding())
        assert len(list(store.keys())) == 3
        store.get(make_key(0))
        for number in (3, 4):
            store.put(make_key(number), make_embedding())
        assert store.nbytes() <= 4 * one
        assert make_key(0) in store
        assert make_key(4) in store
        assert make_key(1) not in store

    def test_what_is_larger_than_the_limit_is_not_kept(self, make_store):
        store = make_store(max_bytes=100)
        store.put(make_key(1), make_embedding())
        assert list(store.keys()) == []
        assert store.get(make_key(1)) is None

    def test_threads_may_share_it(self, store):
        def work(_):
            for number in range(4):
                store.put(make_key(number), make_embedding(number))
                assert_equal(store.get(make_key(number)), make_embedding(number))

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(work, range(3)))
        assert len(list(store.keys())) == 4
