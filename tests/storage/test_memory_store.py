import pytest
from embedding_store_contract import EmbeddingStoreContract, make_embedding, make_key

from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore


class TestMemoryEmbeddingStore(EmbeddingStoreContract):
    @pytest.fixture
    def make_store(self):
        def make(max_bytes=None):
            return MemoryEmbeddingStore(*([] if max_bytes is None else [max_bytes]))

        return make


def test_bytes_are_those_of_the_features():
    store = MemoryEmbeddingStore()
    store.put(make_key(1), make_embedding(size=8))
    assert store.nbytes() == 4 * 8 * 8 * 4
