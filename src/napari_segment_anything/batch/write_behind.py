"""An embedding store that writes while the next plane is encoded."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.storage.embedding_store import EmbeddingStore

_MOST_WRITERS = 4
# A batch of planes that a card has encoded together.
_MOST_WAITING = 8


class WriteBehindStore:
    """Hands what is put to threads that write it; a ``with`` block ends them.

    At the end of the block everything is written, also when the block raises: a job
    that is cancelled loses nothing that it has encoded.

    Parameters
    ----------
    store : EmbeddingStore
        Where embeddings are kept.
    n_waiting : int, optional
        Embeddings that may wait to be written; `put` waits when there are more: by
        default eight, so that a batch of planes can be put at once. There is a thread
        for every four processors, up to four: a card encodes faster than one of them
        compresses.

    Raises
    ------
    StorageError
        At the next `put` or at the end, if an embedding could not be written.
    """

    def __init__(self, store: EmbeddingStore, *, n_waiting: int | None = None) -> None:
        n_writers = min(_MOST_WRITERS, max(1, (os.cpu_count() or 1) // 4))
        self._store = store
        self._n_waiting = n_waiting or _MOST_WAITING
        self._writer = ThreadPoolExecutor(n_writers, "writer")
        self._waiting: OrderedDict[str, tuple[ImageEmbedding, Future[None]]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.shutdown(wait=True)
        # An error that ends the block already must not hide behind another.
        if error is None:
            self._settle(0)

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Keep an embedding; it can be got at once and is written soon."""
        self._settle(self._n_waiting - 1)
        # Memory of the accelerator is left to the networks.
        kept = embedding.to("cpu")
        written = self._writer.submit(self._store.put, key, kept)
        with self._lock:
            self._waiting[key] = (kept, written)

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding on the CPU, or None if it is not there."""
        with self._lock:
            waiting = self._waiting.get(key)
        return waiting[0] if waiting is not None else self._store.get(key)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            is_waiting = key in self._waiting
        return is_waiting or key in self._store

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, the least recently used first."""
        self._settle(0)
        return self._store.keys()

    def delete(self, key: str) -> None:
        """Drop an embedding if it is there."""
        self._settle(0)
        self._store.delete(key)

    def nbytes(self) -> int:
        """Bytes that all embeddings take."""
        self._settle(0)
        return self._store.nbytes()

    def clear(self) -> None:
        """Drop all embeddings."""
        self._settle(0)
        self._store.clear()

    def _settle(self, n_left: int) -> None:
        """Wait until at most so many embeddings are unwritten."""
        while True:
            with self._lock:
                is_first_done = bool(self._waiting) and (
                    next(iter(self._waiting.values()))[1].done()
                )
                if len(self._waiting) <= n_left and not is_first_done:
                    return
                if not self._waiting:
                    return
                key, (_, written) = next(iter(self._waiting.items()))
            try:
                written.result()
            finally:
                with self._lock:
                    # Another thread may have put the key once more in the meantime.
                    if self._waiting.get(key, (None, None))[1] is written:
                        del self._waiting[key]
