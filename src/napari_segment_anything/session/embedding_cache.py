"""Embeddings in memory, with a folder behind them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from napari_segment_anything.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_segment_anything.engine.embedding import ImageEmbedding
    from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

_LOG = logging.getLogger(__name__)
_QUOTA_BYTES = 20_000_000_000


class EmbeddingCache:
    """A store of embeddings that is quick like memory and stays like a disk.

    What is put goes to both; what is found on disk is kept in memory. A disk that
    cannot be written to is no reason to leave a click without an answer: embeddings
    then live in memory only, and ``problem`` says so.

    Parameters
    ----------
    folder : Path, optional
        Where embeddings are kept; by default in the user's cache folder, the one that
        the command line uses too. Nothing is touched before the first use.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self.quota_bytes = _QUOTA_BYTES if folder is None else None
        self.problem = ""
        self._memory: MemoryEmbeddingStore | None = None
        self._disk: ZarrEmbeddingStore | None = None
        self._lock = threading.Lock()

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding on the CPU, or None if it is not there."""
        memory, disk = self._stores()
        found = memory.get(key)
        if found is None and disk is not None:
            try:
                found = disk.get(key)
            except StorageError as error:
                self._note(error)
            if found is not None:
                memory.put(key, found)
        return found

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Keep an embedding in memory and, where that is possible, on disk."""
        memory, disk = self._stores()
        memory.put(key, embedding)
        if disk is not None:
            try:
                disk.put(key, embedding)
            except StorageError as error:
                self._note(error)

    def __contains__(self, key: object) -> bool:
        memory, disk = self._stores()
        return key in memory or (disk is not None and key in disk)

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, the least recently used first."""
        memory, disk = self._stores()
        on_disk = list(disk.keys()) if disk is not None else []
        in_memory = [key for key in memory.keys() if key not in set(on_disk)]  # noqa: SIM118
        return iter([*on_disk, *in_memory])

    def delete(self, key: str) -> None:
        """Drop an embedding if it is there."""
        memory, disk = self._stores()
        memory.delete(key)
        if disk is not None:
            disk.delete(key)

    def nbytes(self) -> int:
        """Bytes that the embeddings take on disk; in memory where there is no disk."""
        memory, disk = self._stores()
        return memory.nbytes() if disk is None else disk.nbytes()

    def clear(self) -> None:
        """Drop all embeddings."""
        memory, disk = self._stores()
        memory.clear()
        if disk is not None:
            disk.clear()

    def _stores(self) -> tuple[MemoryEmbeddingStore, ZarrEmbeddingStore | None]:
        # Imports torch and zarr and makes the folder: in a worker, at the first use.
        with self._lock:
            if self._memory is None:
                from napari_segment_anything.storage.memory_store import (
                    MemoryEmbeddingStore,
                )
                from napari_segment_anything.storage.zarr_store import (
                    ZarrEmbeddingStore,
                )

                self._memory = MemoryEmbeddingStore()
                try:
                    self._disk = ZarrEmbeddingStore(self.folder, self.quota_bytes)
                except StorageError as error:
                    self._note(error)
            return self._memory, self._disk

    def _note(self, error: StorageError) -> None:
        if not self.problem:
            _LOG.warning("Embeddings are kept in memory only: %s", error)
        self.problem = f"Embeddings are kept in memory only. {error}"


def default_folder() -> Path:
    """Return the folder of embeddings in the user's cache."""
    from platformdirs import user_cache_path

    cache = user_cache_path("napari_segment_anything", appauthor=False)
    return Path(cache) / "embeddings"
