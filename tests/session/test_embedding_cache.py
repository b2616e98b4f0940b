import sys

import pytest

from bright_sam import bright_predictor
from napari_segment_anything.session.embedding_cache import EmbeddingCache


@pytest.fixture
def embedding(disks_image):
    return bright_predictor().embed(disks_image.image)


KEY = "0" * 32


def test_embeddings_outlive_the_session(tmp_path, embedding):
    EmbeddingCache(tmp_path / "e").put(KEY, embedding)
    again = EmbeddingCache(tmp_path / "e")
    assert KEY in again
    assert again.get(KEY).features.shape == embedding.features.shape
    assert again.nbytes() > 0
    again.clear()
    assert EmbeddingCache(tmp_path / "e").get(KEY) is None
    assert again.get(KEY) is None


def test_making_one_touches_nothing(tmp_path):
    EmbeddingCache(tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_without_a_disk_embeddings_stay_in_memory(tmp_path, embedding):
    (tmp_path / "file").write_text("not a folder")
    cache = EmbeddingCache(tmp_path / "file")
    cache.put(KEY, embedding)
    assert cache.get(KEY) is embedding
    assert "memory only" in cache.problem
    assert cache.nbytes() == embedding.nbytes


@pytest.mark.skipif(sys.platform == "win32", reason="no cache variable on Windows")
def test_the_default_folder_is_the_one_of_the_command_line(tmp_path, monkeypatch):
    from napari_segment_anything.cli.inputs import store_of

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert EmbeddingCache().folder == store_of(None).path
