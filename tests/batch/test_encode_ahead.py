"""Planes encoded before their turn: the same results, in bounded batches."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from bright_sam import bright_predictor
from napari_segment_anything.batch import (
    encode_ahead,
    plane_keys,
    segment,
    side_by_side,
)
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.encode_ahead import EncodeAhead
from napari_segment_anything.batch.plane_work import DetectWork
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.batch.side_by_side import n_side_by_side
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.models.load import load_model
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import plane_key
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

LIMITS = IntensityRange(0, 255)
SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)


class Watched(StoredPredictor):
    """Notes how many images come at once, in which thread, and how often at a time."""

    def __init__(self):
        super().__init__(bright_predictor(), MemoryEmbeddingStore())
        self.sizes, self.threads, self.n_at_once = [], set(), [0]
        self._n_now, self._lock = 0, threading.Lock()
        encode = self._sam.encode

        def watched(images):
            with self._lock:
                self._n_now += 1
                self.sizes.append(len(images))
                self.threads.add(threading.current_thread())
                self.n_at_once.append(self._n_now)
            time.sleep(0.01)
            with self._lock:
                self._n_now -= 1
            return encode(images)

        self._sam.encode = watched


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
    ahead = EncodeAhead(predictor, LIMITS).over(planes)
    for number, prepared in enumerate(ahead):
        assert prepared.index == (number,)
        np.testing.assert_array_equal(prepared.plane, planes[number][1])
        assert predictor.key(prepared.plane, LIMITS) in predictor.store
        assert prepared.outcome.n_encoded == 1
        assert prepared.is_embedded
    # The first one tells how much memory a plane takes.
    assert predictor.sizes[0] == 1
    assert sorted(predictor.sizes) == [1, 6]
    assert predictor.threads.isdisjoint({threading.main_thread()})


def test_batches_are_prepared_while_others_are_encoded(monkeypatch):
    """And no more of them at a time than there are threads."""
    monkeypatch.setattr(encode_ahead, "fitting", lambda device, each, most: 2)
    rng = np.random.default_rng(0)
    planes = [((t,), rng.integers(0, 255, (64, 64), np.uint8)) for t in range(21)]
    predictor = Watched()
    found = [p.index[0] for p in EncodeAhead(predictor, LIMITS).over(planes)]
    assert found == list(range(21))
    assert sorted(predictor.sizes) == [1, *[2] * 10]
    assert max(predictor.n_at_once) == len(predictor.threads) == 4


@pytest.mark.parametrize(
    ("n_images", "n_pixels", "expected"),
    [
        (1, 2**20, (8, 8, 4)),
        (4, 2**20, (2, 8, 4)),
        (32, 2**20, (1, 8, 1)),
        (1, 2**26, (1, 8, 2)),
        (1, 2**28, (1, 8, 1)),
        (16, 2**24, (1, 8, 2)),
    ],
)
@pytest.mark.usefixtures("_roomy_card")
def test_few_images_are_under_way(n_images, n_pixels, expected):
    pace = EncodeAhead(Watched(), LIMITS)._settled(1, n_images, n_pixels)
    assert (pace.n_planes, pace.n_together, pace.n_batches) == expected
    assert pace.n_planes * pace.n_batches * n_images <= 32


def test_of_little_memory_all_batches_have_their_part(monkeypatch):
    asked = []
    monkeypatch.setattr(
        encode_ahead, "fitting", lambda device, each, most: asked.append(each) or 1
    )
    EncodeAhead(Watched(), LIMITS)._settled(1000, 1, 64)
    assert asked == [4000]


def test_nobody_runs_far_ahead(planes):
    taken = []

    def coming():
        for plane in planes:
            taken.append(plane)
            yield plane

    ahead = EncodeAhead(Watched(), LIMITS).over(coming())
    next(ahead)
    ahead.close()
    assert len(taken) <= 5


@pytest.mark.usefixtures("_roomy_card")
def test_planes_before_one_that_cannot_be_read_are_not_lost(planes):
    def coming():
        yield from planes[:4]
        raise UnreadableInputError("cut short")

    seen = []
    with pytest.raises(UnreadableInputError, match="cut short"):
        seen.extend(EncodeAhead(Watched(), LIMITS).over(coming()))
    assert [prepared.index for prepared in seen] == [(0,), (1,), (2,), (3,)]


def test_what_is_known_is_not_encoded(planes):
    predictor = Watched()
    known = planes[2][1]
    ahead = EncodeAhead(predictor, LIMITS, None, lambda plane: plane is not known)
    found = list(ahead.over(planes))
    assert [p.outcome.n_encoded for p in found] == [1, 1, 0, 1, 1, 1, 1]
    assert [p.is_embedded for p in found] == [True, True, False, *[True] * 4]


def test_an_embedding_that_cannot_be_written_ends_the_job(planes):
    class Full(MemoryEmbeddingStore):
        def put(self, key, embedding):
            raise StorageError("The disk is full.")

    predictor = StoredPredictor(bright_predictor(), Full())
    with pytest.raises(StorageError, match="disk is full"):
        list(EncodeAhead(predictor, LIMITS).over(planes))


@pytest.mark.parametrize(("kind", "is_used"), [("cpu", 0), ("mps", 0), ("cuda", 1)])
def test_where_threads_cannot_compute_at_once_it_is_not_used(kind, is_used):
    """On an Apple processor they would end the process."""
    predictor = StoredPredictor(bright_predictor(), MemoryEmbeddingStore())
    predictor._placed.device = torch.device(kind)
    assert (EncodeAhead.beside(predictor, LIMITS) is not None) == is_used


@pytest.fixture
def _as_on_card(monkeypatch):
    """The CPU is taken for a card with memory for three planes at once."""
    for module in (encode_ahead, side_by_side, segment):
        monkeypatch.setattr(module, "is_on_card", lambda predictor: True)
    free = 3 * side_by_side._BYTES_ON_CARD
    monkeypatch.setattr(side_by_side, "free_bytes", lambda device: free)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_roomy_card")
@pytest.mark.parametrize("diameter", [40, 8])
def test_jobs_come_to_the_same(disks_image, request, diameter):
    """Whole planes, and planes in tiles."""
    images = [np.roll(disks_image.image, 2 * t, axis=1) for t in range(4)]
    stack = Stack(np.stack(images), "TYX", name="disks", scale={"Y": 0.5, "X": 0.5})
    settings = replace(SETTINGS, object_diameter=diameter)
    expected = run(segment_stack(stack, bright_predictor(), settings=settings))
    stores = MemoryEmbeddingStore(), MemoryEmbeddingStore()
    embed = {"settings": settings}
    alone = run(embed_stack(stack, bright_predictor(), stores[0], **embed))
    request.getfixturevalue("_as_on_card")
    predictor = bright_predictor()
    assert n_side_by_side(predictor, stack) == 3
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


def movie_of_disks(disks_image, n):
    images = [np.roll(disks_image.image, 2 * t, axis=1) for t in range(n)]
    return Stack(np.stack(images), "TYX", name="disks")


@pytest.mark.usefixtures("_as_on_card")
def test_on_a_card_planes_are_hashed_once_and_decoded_side_by_side(
    disks_image, monkeypatch
):
    n_hashed, at_once, lock = [], [0, 0], threading.Lock()
    monkeypatch.setattr(
        plane_keys,
        "plane_key",
        lambda plane, **facts: n_hashed.append(1) or plane_key(plane, **facts),
    )
    detect = DetectWork.do

    def watched(work, *given, **named):
        with lock:
            at_once[0] += 1
            at_once[1] = max(at_once)
        time.sleep(0.05)
        try:
            return (yield from detect(work, *given, **named))
        finally:
            with lock:
                at_once[0] -= 1

    monkeypatch.setattr(DetectWork, "do", watched)
    predictor = bright_predictor()
    job = segment_stack(movie_of_disks(disks_image, 8), predictor, settings=SETTINGS)
    steps = []
    result = run(job, lambda progress: steps.append(progress.done))
    assert result.n_planes == 8
    assert steps == sorted(steps)
    assert steps[-1] == 8
    assert at_once[1] == 3
    assert len(n_hashed) == 8
    assert predictor._sam.n_encoded == 8


@pytest.mark.usefixtures("_as_on_card")
def test_a_job_on_a_card_that_is_stopped_goes_on_where_it_was(disks_image, tmp_path):
    stack, output = movie_of_disks(disks_image, 9), tmp_path / "labels.ome.zarr"
    job = segment_stack(stack, bright_predictor(), settings=SETTINGS, output=output)
    for progress in job:
        if progress.done == 3:
            break
    job.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("encoder")]
    predictor = bright_predictor()
    found = run(segment_stack(stack, predictor, settings=SETTINGS, output=output))
    assert found.n_resumed >= 3
    assert predictor._sam.n_encoded <= 9 - 3
    expected = run(segment_stack(stack, bright_predictor(), settings=SETTINGS))
    for t in range(9):
        np.testing.assert_array_equal(found.labels.read_plane((t,)), expected.labels[t])


@pytest.mark.usefixtures("_as_on_card")
def test_what_goes_wrong_on_a_card_is_raised_after_the_planes_before(
    disks_image, monkeypatch
):
    stack = movie_of_disks(disks_image, 8)
    broken = stack.read((5,)).tobytes()
    detect = DetectWork.do

    def failing(work, index, plane, progress, **named):
        if plane.tobytes() == broken:
            raise ValueError("the sixth")
        return (yield from detect(work, index, plane, progress, **named))

    monkeypatch.setattr(DetectWork, "do", failing)
    steps = []
    job = segment_stack(stack, bright_predictor(), settings=SETTINGS)
    with pytest.raises(ValueError, match="the sixth"):
        run(job, lambda progress: steps.append(progress.done))
    assert steps[-1] == 5


@pytest.mark.usefixtures("_as_on_card")
def test_embedding_again_on_a_card_finds_all(disks_image, tmp_path):
    stack, store = movie_of_disks(disks_image, 6), ZarrEmbeddingStore(tmp_path / "s")
    assert run(embed_stack(stack, bright_predictor(), store)).n_encoded == 6
    predictor = bright_predictor()
    assert run(embed_stack(stack, predictor, store)).n_encoded == 0
    assert predictor._sam.n_encoded == 0
    # One that is damaged is made anew.
    damaged = next(iter(store.keys()))
    for path in (store.path / damaged).rglob("c/**/*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    assert run(embed_stack(stack, predictor, store)).n_encoded == 1
    assert store.get(damaged) is not None


@pytest.mark.parametrize(
    ("free_gib", "shape", "n_planes", "expected"),
    [
        (64, (512, 512), 200, 4),
        (5, (512, 512), 200, 2),
        (1, (512, 512), 200, 1),
        (None, (512, 512), 200, 1),
        (64, (4096, 2048), 200, 2),
        (64, (512, 512), 3, 3),
    ],
)
def test_planes_at_once_are_bounded_by_memory_and_pixels_not_by_cores(
    request, monkeypatch, free_gib, shape, n_planes, expected
):
    request.getfixturevalue("_as_on_card")
    free = None if free_gib is None else free_gib * 2**30
    monkeypatch.setattr(side_by_side, "free_bytes", lambda device: free)
    pixels = np.broadcast_to(np.uint8(0), (n_planes, *shape))
    stack = Stack(pixels, "TYX", name="blank")
    assert n_side_by_side(bright_predictor(), stack) == expected
    torch.set_num_threads(1)
    assert n_side_by_side(bright_predictor(), stack) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
@pytest.mark.parametrize("n_planes", [3, 12])
def test_a_card_finds_side_by_side_what_it_finds_one_by_one(monkeypatch, n_planes):
    """Streams do not read what others have not finished."""
    predictor = load_model("nano", device="cuda")
    images = simulate_cells(n_planes, (256, 256)).images
    stack = Stack(images, "TYX", name="cells")
    found = [run(segment_stack(stack, predictor)) for _ in range(2)]
    monkeypatch.setattr(segment, "n_side_by_side", lambda predictor, stack: 1)
    monkeypatch.setattr(encode_ahead, "_MOST_BATCHES", 1)
    expected = run(segment_stack(stack, predictor))
    assert expected.n_objects > n_planes
    for result in found:
        # Other batches round differently.
        assert abs(result.n_objects - expected.n_objects) <= 0.02 * expected.n_objects
        is_alike = (result.labels > 0) == (expected.labels > 0)
        assert is_alike.mean(axis=(1, 2)).min() > 0.99
