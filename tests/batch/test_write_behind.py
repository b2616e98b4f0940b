import threading
from concurrent.futures import Future

import pytest
import torch

from napari_segment_anything.batch.write_behind import WriteBehindStore
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore


class GatedStore(MemoryEmbeddingStore):
    """Writes only while its gate is open."""

    def __init__(self, error=None):
        super().__init__()
        self.gate = threading.Event()
        self.error = error

    def put(self, key, embedding):
        self.gate.wait(30)
        if self.error:
            raise self.error
        super().put(key, embedding)


@pytest.fixture
def embedding():
    return ImageEmbedding(
        features=torch.ones(1, 2, 4, 4),
        geometry=FrameGeometry(plane_shape=(8, 8), frame_size=8),
        intensity_range=(0.0, 1.0),
    )


def test_what_waits_to_be_written_can_be_got(embedding):
    slow = GatedStore()
    with WriteBehindStore(slow) as behind:
        assert isinstance(behind, EmbeddingStore)
        behind.put("a", embedding)
        assert behind.get("a") is embedding
        assert "a" in behind
        assert "a" not in slow
        assert behind.get("b") is None
        slow.gate.set()
    assert slow.get("a") is embedding


def test_what_was_put_is_written_also_when_the_job_is_cancelled(embedding):
    slow = GatedStore()
    threading.Timer(0.05, slow.gate.set).start()
    behind = WriteBehindStore(slow)
    behind.__enter__()
    behind.put("a", embedding)
    behind.__exit__(GeneratorExit, GeneratorExit(), None)
    assert "a" in slow


def test_no_more_than_a_few_wait(embedding):
    slow = GatedStore()
    with WriteBehindStore(slow, n_waiting=2) as behind:
        behind.put("a", embedding)
        behind.put("b", embedding)
        third = threading.Thread(target=behind.put, args=("c", embedding))
        third.start()
        third.join(0.1)
        assert third.is_alive()
        slow.gate.set()
        third.join(30)
        assert not third.is_alive()
    assert sorted(slow.keys()) == ["a", "b", "c"]


def test_a_full_disk_is_said_at_the_end_or_before(embedding):
    full = GatedStore(StorageError("The disk is full."))
    full.gate.set()
    with (
        pytest.raises(StorageError, match="disk is full"),
        WriteBehindStore(full) as behind,
    ):
        behind.put("a", embedding)


def test_counting_waits_for_the_writing(embedding):
    slow = GatedStore()
    with WriteBehindStore(slow) as behind:
        behind.put("a", embedding)
        slow.gate.set()
        assert list(behind.keys()) == ["a"]
        assert behind.nbytes() == embedding.nbytes
        behind.delete("a")
        assert list(behind.keys()) == []


class Told(Future):
    """A writing that is done; meanwhile something else happens."""

    def __init__(self, meanwhile=lambda: None, error=None):
        super().__init__()
        self.meanwhile = meanwhile
        self.set_exception(error) if error else self.set_result(None)

    def result(self, timeout=None):
        self.meanwhile()
        return super().result(timeout)


def test_what_another_thread_puts_once_more_is_waited_for(embedding):
    """Or nobody could get it until it is written, nor learn of an error."""
    behind = WriteBehindStore(MemoryEmbeddingStore())
    again = Told(error=StorageError("The disk is full."))

    def other_threads():
        del behind._waiting["a"]
        behind._waiting["a"] = embedding, again

    behind._waiting["a"] = embedding, Told(other_threads)
    with pytest.raises(StorageError, match="disk is full"):
        behind.nbytes()
