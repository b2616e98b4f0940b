"""Which planes are known to have an embedding in the store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from napari_segment_anything.engine.embedding import ImageEmbedding
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore


class PlaneIndex:
    """Keys of the embeddings of planes, by source and model.

    Serves to show which planes are ready without reading any; whoever uses an
    embedding still looks it up by the content of its plane. Every method may be called
    from any thread. What is known of an image is forgotten with it: the index does not
    keep a source, and so the pixels of an image that was closed, alive.
    """

    def __init__(self) -> None:
        self._keys: WeakKeyDictionary[
            PlaneSource, dict[str, dict[PlaneId, frozenset[str]]]
        ] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def add(
        self, source: PlaneSource, plane: PlaneId, digest: str, keys: frozenset[str]
    ) -> None:
        """Note what the store holds of a plane, for the model of this digest."""
        if keys:
            with self._lock:
                models = self._keys.setdefault(source, {})
                models.setdefault(digest, {})[plane] = keys

    def keys_of(
        self, source: PlaneSource, plane: PlaneId, digest: str
    ) -> frozenset[str]:
        """Return the keys of a plane's embeddings, empty when none is known."""
        with self._lock:
            return self._known(source, digest).get(plane, frozenset())

    def ready(
        self, source: PlaneSource, like: PlaneId, digest: str
    ) -> npt.NDArray[np.bool_]:
        """Tell which planes of a stack are ready.

        Parameters
        ----------
        source : PlaneSource
            The image.
        like : PlaneId
            A plane of the stack: they share plane axes and channel.
        digest : str
            Digest of the model.

        Returns
        -------
        ndarray
            Boolean, of the shape of the stack's index axes.
        """
        stack = source.stack(like)
        is_ready = np.zeros(stack.index_shape, dtype=bool)
        with self._lock:
            planes = list(self._known(source, digest))
        for plane in planes:
            is_alike = plane.plane_axes == like.plane_axes
            if is_alike and plane.position("C") == like.position("C"):
                is_ready[source.stack_index(plane)] = True
        return is_ready

    def drop(self, source: PlaneSource, plane: PlaneId, digest: str) -> None:
        """Forget a plane: the store lost its embedding."""
        with self._lock:
            self._known(source, digest).pop(plane, None)

    def clear(self) -> None:
        """Forget everything: the store was emptied or exchanged."""
        with self._lock:
            self._keys.clear()

    def _known(self, source: PlaneSource, digest: str) -> dict[PlaneId, frozenset[str]]:
        return self._keys.get(source, {}).get(digest, {})


class NotingStore:
    """An embedding store that notes which entries were found or put.

    Parameters
    ----------
    store : EmbeddingStore
        Does the work.
    """

    def __init__(self, store: EmbeddingStore) -> None:
        self._store = store
        self._noted: set[str] = set()

    @property
    def noted(self) -> frozenset[str]:
        """Keys of the entries that were found or put."""
        return frozenset(self._noted)

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding, or None if it is not there."""
        embedding = self._store.get(key)
        if embedding is not None:
            self._noted.add(key)
        return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Keep an embedding."""
        self._store.put(key, embedding)
        self._noted.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._store

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, the least recently used first."""
        return self._store.keys()

    def delete(self, key: str) -> None:
        """Drop an embedding if it is there."""
        self._store.delete(key)
        self._noted.discard(key)

    def nbytes(self) -> int:
        """Bytes that all embeddings take."""
        return self._store.nbytes()

    def clear(self) -> None:
        """Drop all embeddings."""
        self._store.clear()
        self._noted.clear()
