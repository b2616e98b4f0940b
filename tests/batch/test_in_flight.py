import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_segment_anything.batch.in_flight import InFlight, in_flight
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

SECONDS = 10


def test_equal_planes_at_once_are_encoded_once(tiny_predictor, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    encode = MaskPredictor.embed_batch
    encoded = []

    def slowly(self, images, intensity_range=None):
        encoded.append(len(images))
        begun.set()
        assert go_on.wait(SECONDS)
        return encode(self, images, intensity_range)

    monkeypatch.setattr(MaskPredictor, "embed_batch", slowly)
    store = MemoryEmbeddingStore()
    both = [StoredPredictor(tiny_predictor, store) for _ in range(2)]
    plane = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48)
    with ThreadPoolExecutor(2) as team:
        first = team.submit(both[0].embed, plane)
        assert begun.wait(SECONDS)
        second = team.submit(both[1].embed, plane)
        go_on.set()
        a, b = first.result(SECONDS), second.result(SECONDS)
    assert encoded == [1]
    assert [p.n_encoded for p in both] == [1, 0]
    np.testing.assert_array_equal(a.features.numpy(), b.features.numpy())


def test_other_keys_do_not_wait():
    flight = InFlight()
    with flight.alone({"a", "b"}), flight.alone({"c"}):
        pass


def test_a_failed_key_is_free_again():
    flight = InFlight()
    with pytest.raises(OSError, match="disk"), flight.alone({"a"}):
        raise OSError("disk")
    with flight.alone({"a"}):
        pass


def test_each_store_has_its_own():
    one, other = MemoryEmbeddingStore(), MemoryEmbeddingStore()
    assert in_flight(one) is in_flight(one)
    with in_flight(one).alone({"a"}), in_flight(other).alone({"a"}):
        pass


def test_a_stored_plane_does_not_wait_for_others_that_are_encoded(
    tiny_predictor, monkeypatch
):
    planes = np.arange(2 * 48 * 48, dtype=np.uint16).reshape(2, 48, 48)
    store = MemoryEmbeddingStore()
    one, other = (StoredPredictor(tiny_predictor, store) for _ in range(2))
    limits = (0.0, 5000.0)
    one.embed(planes[0], intensity_range=limits)
    begun, go_on = threading.Event(), threading.Event()
    encode = MaskPredictor.embed_batch

    def slowly(self, images, intensity_range=None):
        begun.set()
        assert go_on.wait(SECONDS)
        return encode(self, images, intensity_range)

    monkeypatch.setattr(MaskPredictor, "embed_batch", slowly)
    with ThreadPoolExecutor(2) as team:
        both = team.submit(one.embed_batch, list(planes), limits)
        assert begun.wait(SECONDS)
        stored = team.submit(other.embed, planes[0], intensity_range=limits)
        try:
            stored.result(2)
        finally:
            go_on.set()
        assert len(both.result(SECONDS)) == 2
    assert (other.n_found, other.n_encoded) == (1, 0)
    assert (one.n_found, one.n_encoded) == (1, 2)


def test_a_store_that_cannot_be_remembered_serves_too(tiny_predictor):
    class Store(dict):
        def put(self, key, embedding):
            self[key] = embedding

    predictor = StoredPredictor(tiny_predictor, Store())
    plane = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48)
    predictor.embed(plane)
    predictor.embed(plane)
    assert (predictor.n_encoded, predictor.n_found) == (1, 1)
