"""Stores that several processes can share, because they are folders."""

from pathlib import Path

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore


def folder_of(store: EmbeddingStore | None) -> tuple[Path, int | None]:
    """Return folder and quota of a store, for workers to open it themselves.

    Raises
    ------
    StorageError
        If the store is not on disk.
    """
    if not isinstance(store, ZarrEmbeddingStore):
        raise StorageError(
            "Workers of a cluster share embeddings on disk; pass a ZarrEmbeddingStore "
            "(store=)."
        )
    return store.path.absolute(), store.quota_bytes
