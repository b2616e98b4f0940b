"""Planes encoded before their turn: the same results, in bounded batches."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from bright_sam import bright_predictor
from napari_segment_anything.batch import encode_ahead
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.encode_ahead import EncodeAhead
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

LIMITS = IntensityRange(0, 255)
SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)


class Watched(StoredPredictor):
    """Notes how many images come at once, and in which thread."""

    def __init__(self):
        super().__init__(bright_predictor(), MemoryEmbeddingStore())
        self.sizes, self.threads = [], set()

    def embed_batch(self, images, intensity_range=None):
        self.sizes.append(len(images))
        self.threads.add(threading.current_thread())
        return super().embed_batch(images, intensity_range)


@pytest.fixture
def planes():
    rng = np.random.default_rng(0)
    return [((t,), rng.integers(0, 255, (96, 128), np.uint8)) for t in range(7)]


@pytest.fixture
def _roomy_card(monkeypatch):
    monkeypatch.setattr(encode_ahead, "fitting", lambda device, each, most: most)


@pytest.mark.usefixtures("_roomy_card")
def test_planes_come_in_order_encoded_in_batches_by_another_thread(planes):
    predictor = Watched()
    for number, (index, plane, outcome) in enumerate(
        EncodeAhead(predictor, LIMITS).over(planes)
    ):
        assert index == (number,)
        np.testing.assert_array_equal(plane, planes[number][1])
        assert predictor.key(plane, LIMITS) in predictor.store
        assert outcome.n_encoded == 1
    assert predictor.sizes == [1, 6]
    assert predictor.threads.isdisjoint({threading.main_thread()})
    assert predictor.n_encoded == 7


def test_nobody_runs_far_ahead(planes):
    taken = []

    def coming():
        for plane in planes:
            taken.append(plane)
            yield plane

    ahead = EncodeAhead(Watched(), LIMITS).over(coming())
    next(ahead)
    ahead.close()
    assert len(taken) <= 2


@pytest.mark.usefixtures("_roomy_card")
def test_planes_before_one_that_cannot_be_read_are_not_lost(planes):
    def coming():
        yield from planes[:4]
        raise UnreadableInputError("cut short")

    seen = []
    with pytest.raises(UnreadableInputError, match="cut short"):
        seen.extend(EncodeAhead(Watched(), LIMITS).over(coming()))
    assert [index for index, *_ in seen] == [(0,), (1,), (2,), (3,)]


def test_what_is_known_is_not_encoded(planes):
    predictor = Watched()
    known = planes[2][1]
    ahead = EncodeAhead(predictor, LIMITS, None, lambda plane: plane is not known)
    counts = [outcome.n_encoded for *_, outcome in ahead.over(planes)]
    assert counts == [1, 1, 0, 1, 1, 1, 1]


def test_a_cpu_has_no_use_for_it():
    predictor = StoredPredictor(bright_predictor(), MemoryEmbeddingStore())
    assert EncodeAhead.beside(predictor, LIMITS) is None


@pytest.mark.usefixtures("_roomy_card")
@pytest.mark.parametrize("diameter", [40, 8])
def test_jobs_come_to_the_same(disks_image, monkeypatch, diameter):
    """Whole planes, and planes in tiles."""
    images = [np.roll(disks_image.image, 2 * t, axis=1) for t in range(4)]
    stack = Stack(np.stack(images), "TYX", name="disks", scale={"Y": 0.5, "X": 0.5})
    settings = replace(SETTINGS, object_diameter=diameter)
    expected = run(segment_stack(stack, bright_predictor(), settings=settings))
    stores = MemoryEmbeddingStore(), MemoryEmbeddingStore()
    embed = {"settings": settings}
    alone = run(embed_stack(stack, bright_predictor(), stores[0], **embed))

    def beside(predictor, limits, settings=None, is_wanted=lambda plane: True):
        own = StoredPredictor(predictor, predictor.store)
        return EncodeAhead(own, limits, settings, is_wanted)

    monkeypatch.setattr(EncodeAhead, "beside", beside)
    predictor = bright_predictor()
    found = run(segment_stack(stack, predictor, settings=settings))
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert {"encoding", "decoding", "reading", "storing"} <= set(found.seconds)
    ahead = run(embed_stack(stack, bright_predictor(), stores[1], **embed))
    assert (ahead.n_planes, ahead.n_encoded) == (alone.n_planes, alone.n_encoded)
    keys = [list(store.keys()) for store in stores]
    assert sorted(keys[0]) == sorted(keys[1])
    assert len(keys[0]) == 4 if diameter == 40 else len(keys[0]) > 8
    for key in keys[0]:
        a, b = (store.get(key).features for store in stores)
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
