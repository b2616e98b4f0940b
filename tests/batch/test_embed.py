import numpy as np
import pytest
import torch

from bright_sam import bright_predictor
from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.stretch import Stretch
from napari_segment_anything.errors import InvalidImageError
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore


@pytest.fixture
def stack():
    data = np.random.default_rng(0).integers(0, 4000, (2, 3, 40, 60)).astype(np.uint16)
    return Stack(data, "TZYX")


@pytest.fixture
def store():
    return MemoryEmbeddingStore()


def test_every_plane_ends_in_the_store_once(stack, tiny_predictor, store):
    seen = []
    summary = run(embed_stack(stack, tiny_predictor, store), seen.append)
    assert (summary.n_planes, summary.n_encoded) == (6, 6)
    assert len(list(store.keys())) == 6
    assert [p.done for p in seen] == list(range(7))
    assert {p.total for p in seen} == {6}


def test_a_cancelled_job_continues(stack, tiny_predictor, store):
    job = embed_stack(stack, tiny_predictor, store)
    while next(job).done < 4:
        pass
    job.close()
    assert len(list(store.keys())) == 4
    assert run(embed_stack(stack, tiny_predictor, store)).n_encoded == 2


class Workers:
    """Stands for a cluster: does the work here, as its recipe says."""

    def __init__(self, predictor):
        self._predictor = predictor

    def work(self, recipe, indices, tally, progress, *, model_digest):
        work = recipe.begin(self._predictor)
        for index in indices:
            tally.add(run(work.do(index, recipe.stack.read(index), progress)))
            yield progress


@pytest.mark.parametrize("with_workers", [False, True])
def test_the_plane_that_tells_the_size_of_objects_counts_as_encoded(
    with_workers, tmp_path
):
    # One large object: planes are encoded as a whole, as the first look does.
    y, x = np.mgrid[:128, :128]
    plane = (100 + 2000 * (np.hypot(y - 64, x - 64) < 30)).astype(np.uint16)
    movie = Stack(np.stack([plane, plane + 1, plane + 2]), "TYX")
    predictor, store = bright_predictor(), ZarrEmbeddingStore(tmp_path / "store")
    settings = AutomaticSettings.for_model(predictor.config)
    cluster = Workers(predictor) if with_workers else None

    def embed():
        job = embed_stack(movie, predictor, store, settings=settings, cluster=cluster)
        return run(job).n_encoded

    assert (embed(), embed()) == (3, 0)


def test_oblong_pixels_are_embedded_as_the_docks_show_them(tiny_predictor, store):
    data = np.random.default_rng(0).integers(0, 9, (4, 8, 60)).astype(np.uint16)
    sides = Stack(data, "TYX", scale={"Y": 4.0, "X": 1.0})
    run(embed_stack(sides, tiny_predictor, store, intensity_range=(0, 9)))
    seen = StoredPredictor(tiny_predictor, store)
    square = Stretch.of_pixel(4.0, 1.0).pixels(data[1])
    seen.embed(square, intensity_range=(0, 9))
    assert (seen.n_found, seen.n_encoded) == (1, 0)


def test_only_the_planes_that_were_asked_for(stack, tiny_predictor, store):
    summary = run(embed_stack(stack, tiny_predictor, store, planes=[(1, 2)]))
    assert (summary.n_planes, len(list(store.keys()))) == (1, 1)


def test_another_range_is_another_embedding(stack, tiny_predictor, store):
    run(embed_stack(stack, tiny_predictor, store, intensity_range=(0, 4000)))
    again = run(embed_stack(stack, tiny_predictor, store, intensity_range=(0, 3000)))
    assert again.n_encoded == 6
    assert again.intensity_range == (0, 3000)


def test_what_a_stored_predictor_finds_equals_what_it_computed(
    stack, tiny_predictor, tmp_path
):
    plane = stack.read((0, 0))
    computed = StoredPredictor(
        tiny_predictor, ZarrEmbeddingStore(tmp_path / "store")
    ).embed(plane)
    second = StoredPredictor(tiny_predictor, ZarrEmbeddingStore(tmp_path / "store"))
    found = second.embed(plane)
    assert (second.n_encoded, second.n_found) == (0, 1)
    assert torch.equal(found.features.float(), computed.features)
    assert found.geometry == computed.geometry
    exact = tiny_predictor.embed(plane).features
    torch.testing.assert_close(computed.features, exact, rtol=1e-3, atol=1e-3)


def test_a_changed_plane_never_meets_an_old_embedding(stack, tiny_predictor, store):
    stored = StoredPredictor(tiny_predictor, store)
    plane = stack.read((0, 0))
    stored.embed(plane, intensity_range=(0, 4000))
    plane[3, 4] += 1
    stored.embed(plane, intensity_range=(0, 4000))
    assert stored.n_encoded == 2


@pytest.mark.parametrize(
    ("source", "how"),
    [(np.zeros((2, 8, 8)), r"open_stack\(array, axes="), ("a.tif", "open_stack.path")],
)
def test_what_was_not_opened_is_refused_with_the_way_to_open_it(
    tiny_predictor, store, source, how
):
    with pytest.raises(InvalidImageError, match=how):
        run(embed_stack(source, tiny_predictor, store))
