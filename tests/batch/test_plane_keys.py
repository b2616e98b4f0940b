"""Keys of planes are computed once, and never remembered for other pixels."""

import gc

import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch import plane_keys
from napari_segment_anything.batch.plane_keys import PlaneKeys
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.storage.embedding_store import plane_key
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

FACTS = {
    "intensity_range": (0.0, 255.0),
    "geometry": FrameGeometry((32, 48), 64),
    "model_digest": "some",
}


@pytest.fixture
def plane():
    return np.random.default_rng(0).integers(0, 255, (32, 48), np.uint8)


@pytest.fixture
def computed(monkeypatch):
    """Counts how often pixels are gone through."""
    calls = []

    def counted(plane, **facts):
        calls.append(plane.shape)
        return plane_key(plane, **facts)

    monkeypatch.setattr(plane_keys, "plane_key", counted)
    return calls


def test_a_plane_and_views_of_all_of_it_have_one_key(plane, computed):
    keys = PlaneKeys()
    expected = plane_key(plane, **FACTS)
    for same in (plane, plane[:], plane[0:32, 0:48], plane[:][:]):
        assert keys.of(same, **FACTS) == expected
    assert len(computed) == 1


def test_other_pixels_range_frame_or_model_have_another(plane, computed):
    keys = PlaneKeys()
    others = [
        (plane, FACTS),
        (plane[:16], FACTS),
        (plane[16:], FACTS),
        (plane[:, ::2], FACTS),
        (plane.T, FACTS),
        (plane.view(np.int8), FACTS),
        (plane.copy() + 1, FACTS),
        (plane, FACTS | {"intensity_range": (0.0, 9.0)}),
        (plane, FACTS | {"geometry": FrameGeometry((32, 48), 32)}),
        (plane, FACTS | {"model_digest": "another"}),
    ]
    found = [keys.of(pixels, **facts) for pixels, facts in others]
    assert found == [plane_key(pixels, **facts) for pixels, facts in others]
    assert len(set(found)) == len(computed) == len(others)


def test_memory_that_is_used_again_is_not_taken_for_what_was_there():
    keys = PlaneKeys()
    addresses = set()
    for value in range(50):
        plane = np.full((32, 48), value, np.uint8)
        addresses.add(plane.ctypes.data)
        assert keys.of(plane, **FACTS) == plane_key(plane, **FACTS)
        del plane
        gc.collect()
    assert len(addresses) < 50


def test_few_are_remembered(plane, monkeypatch, computed):
    monkeypatch.setattr(plane_keys, "_MOST", 2)
    keys = PlaneKeys()
    parts = [plane[i : i + 8] for i in range(3)]
    for part in [*parts, parts[2], parts[1], parts[0]]:
        keys.of(part, **FACTS)
    assert len(computed) == 4


def test_those_who_share_a_store_share_them(plane, computed):
    first = StoredPredictor(
        bright_predictor(), MemoryEmbeddingStore(), keys=PlaneKeys()
    )
    others = [first.beside(), first.beside()]
    first.embed(plane, intensity_range=(0, 255))
    for other in others:
        other.embed(plane, intensity_range=(0, 255))
        assert (other.n_encoded, other.n_found) == (0, 1)
    assert len(computed) == 1
