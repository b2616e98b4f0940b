"""Image embeddings in memory, as many as fit."""

import threading
from collections import OrderedDict
from collections.abc import Iterator

from napari_segment_anything.engine.embedding import ImageEmbedding

_DEFAULT_BYTES = 2 * 2**30


class MemoryEmbeddingStore:
    """Keeps embeddings in memory and drops the least recently used ones.

    Parameters
    ----------
    max_bytes : int, optional
        Most that all embeddings together may take; one that is larger by itself is not
        kept.
    """

    def __init__(self, max_bytes: int = _DEFAULT_BYTES) -> None:
        self.max_bytes = max_bytes
        self._embeddings: OrderedDict[str, ImageEmbedding] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.RLock()

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding on the CPU, or None if it is not there."""
        with self._lock:
            embedding = self._embeddings.get(key)
            if embedding is not None:
                self._embeddings.move_to_end(key)
            return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Keep an embedding, and drop old ones to make room for it."""
        # Memory of the accelerator is left to the networks.
        kept = embedding.to("cpu")
        with self._lock:
            self.delete(key)
            if kept.nbytes > self.max_bytes:
                return
            self._embeddings[key] = kept
            self._n_bytes += kept.nbytes
            while self._n_bytes > self.max_bytes:
                self.delete(next(iter(self._embeddings)))

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._embeddings

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, the least recently used first."""
        with self._lock:
            return iter(list(self._embeddings))

    def delete(self, key: str) -> None:
        """Drop an embedding if it is there."""
        with self._lock:
            embedding = self._embeddings.pop(key, None)
            if embedding is not None:
                self._n_bytes -= embedding.nbytes

    def nbytes(self) -> int:
        """Bytes that all embeddings take."""
        return self._n_bytes

    def clear(self) -> None:
        """Drop all embeddings."""
        with self._lock:
            self._embeddings.clear()
            self._n_bytes = 0
