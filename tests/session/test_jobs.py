import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.progress import run
from napari_segment_anything.errors import UnknownModelError
from napari_segment_anything.models import load
from napari_segment_anything.models.catalogue import CATALOGUE
from napari_segment_anything.session.jobs import (
    everything_job,
    list_models,
    load_model_job,
)
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore


@pytest.fixture
def predictor():
    return bright_predictor()


@pytest.fixture
def movie(disks_image):
    return np.stack([np.roll(disks_image.image, 3 * t, axis=1) for t in range(3)])


def test_models_are_listed_with_what_they_need(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_SEGMENT_ANYTHING_MODELS", str(tmp_path))
    choices = {choice.name: choice for choice in list_models()}
    assert list(choices) == list(CATALOGUE)
    assert choices["nano"].is_here
    assert not choices["vit_b"].is_here
    assert choices["vit_b"].n_bytes == 375_042_383


def test_loading_says_where_the_model_runs(monkeypatch, predictor):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    stages = []
    loaded = run(load_model_job("nano"), lambda p: stages.append(p.stage))
    assert loaded.predictor is predictor
    assert "CPU" in loaded.device
    assert stages == ["load"]


def test_an_unknown_model_is_an_error():
    with pytest.raises(UnknownModelError):
        run(load_model_job("no_such_model"))


def test_everything_finds_the_disks_of_one_plane(movie, predictor, disks_image):
    plane = PlaneId(index=(("T", 1),))
    source = PlaneSource(movie, "TYX")
    found = run(everything_job(source, plane, predictor, MemoryEmbeddingStore()))
    assert len(found.new) == disks_image.n_disks
    shifted = disks_image.centres + np.array([0, 3])
    distance = np.linalg.norm(found.new.centroids[:, None] - shifted[None], axis=2).min(
        axis=1
    )
    assert (distance < 2).all()
