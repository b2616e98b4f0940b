import numpy as np
import pytest

from bright_sam import bright_predictor, work_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.session.answers import answer_first
from napari_segment_anything.session.embedding_jobs import (
    EmbeddingPlaces,
    clear_store_job,
    embed_planes_job,
    plane_at,
)
from napari_segment_anything.session.encoding_gate import EncodingGate
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.plane_index import PlaneIndex
from napari_segment_anything.session.plane_queue import PlaneQueue
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.session.requests import MaskRequest
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

LIKE = PlaneId(index=(("T", 0), ("C", 1), ("Z", 0)))


@pytest.fixture
def source(disks_image):
    data = np.stack([np.roll(disks_image.image, n, axis=1) for n in range(12)])
    return PlaneSource(data.reshape(3, 2, 2, 96, 128), "TCZYX")


@pytest.fixture
def places():
    return EmbeddingPlaces(MemoryEmbeddingStore(), PlaneIndex(), EncodingGate())


@pytest.fixture
def queue():
    queue = PlaneQueue((3, 2))
    queue.want_all()
    return queue


def ask(source, plane, predictor, places):
    return answer_first(
        MaskRequest(1, source, plane, PlanePrompts()), predictor, places
    )


def test_all_planes_of_the_channel_become_ready(source, places, queue):
    predictor = bright_predictor()
    n_done = run(embed_planes_job(source, LIKE, predictor, places, queue))
    assert n_done == 6
    ready = places.index.ready(source, LIKE, predictor.model_digest)
    assert ready.shape == (3, 2)
    assert ready.all()
    other = PlaneId(index=(("T", 0), ("C", 0), ("Z", 0)))
    assert not places.index.ready(source, other, predictor.model_digest).any()


def test_a_ready_plane_is_not_encoded_again_by_a_click(source, places, queue):
    predictor = bright_predictor()
    run(embed_planes_job(source, LIKE, predictor, places, queue))
    before = work_of(predictor)
    for index in ((0, 0), (2, 1)):
        ask(source, plane_at(source, LIKE, index), predictor, places)
    assert work_of(predictor) == before


def test_a_plane_that_a_click_made_ready_is_not_encoded_again(source, places, queue):
    predictor = bright_predictor()
    ask(source, LIKE, predictor, places)
    assert places.index.ready(source, LIKE, predictor.model_digest).sum() == 1
    assert run(embed_planes_job(source, LIKE, predictor, places, queue)) == 5


def test_a_plane_that_the_store_lost_is_embedded_again(source, places, queue):
    predictor = bright_predictor()
    run(embed_planes_job(source, LIKE, predictor, places, queue))
    plane = plane_at(source, LIKE, (1, 1))
    keys = places.index.keys_of(source, plane, predictor.model_digest)
    places.store.delete(min(keys))
    queue.want_all()
    assert run(embed_planes_job(source, LIKE, predictor, places, queue)) == 1


def test_a_job_that_is_closed_keeps_what_is_ready(source, places, queue):
    predictor = bright_predictor()
    job = embed_planes_job(source, LIKE, predictor, places, queue)
    while next(job).done < 2:
        pass
    job.close()
    assert places.index.ready(source, LIKE, predictor.model_digest).sum() == 2
    assert run(embed_planes_job(source, LIKE, predictor, places, queue)) == 4


def test_another_model_has_planes_of_its_own(source, places, queue):
    predictor = bright_predictor()
    run(embed_planes_job(source, LIKE, predictor, places, queue))
    assert not places.index.ready(source, LIKE, "c" * 64).any()


def test_clearing_drops_every_embedding(source, places, queue):
    predictor = bright_predictor()
    run(embed_planes_job(source, LIKE, predictor, places, queue))
    n_bytes = places.store.nbytes()
    assert run(clear_store_job(places.store)) == n_bytes
    assert places.store.nbytes() == 0


def test_planes_of_oblong_pixels_become_ready_as_clicks_see_them(source, places):
    predictor = bright_predictor()
    source = PlaneSource(source.data, "TCZYX", pixel_sizes=(1, 1, 3, 2, 1))
    queue = PlaneQueue((3, 2))
    queue.want_all()
    run(embed_planes_job(source, LIKE, predictor, places, queue))
    assert places.index.ready(source, LIKE, predictor.model_digest).all()
    n_encoded = work_of(predictor)[0]
    for index in ((0, 0), (2, 1)):
        ask(source, plane_at(source, LIKE, index), predictor, places)
    assert work_of(predictor)[0] == n_encoded
