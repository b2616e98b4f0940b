"""How many planes of a stack a store has embeddings of, from a sample of them."""

from collections.abc import Generator

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import SearchedPlane, plan_crops
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

_MOST_SAMPLED = 32


class UnchangedStore(MemoryEmbeddingStore):
    """Finds what a store has, and keeps what is put in memory.

    Parameters
    ----------
    store : EmbeddingStore
        Nothing is written to it.
    """

    def __init__(self, store: EmbeddingStore) -> None:
        super().__init__()
        self._behind = store

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding on the CPU, or None if it is not there."""
        found = super().get(key)
        return self._behind.get(key) if found is None else found

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._behind


def count_stored_planes(
    stack: Stack,
    predictor: MaskPredictor,
    settings: AutomaticSettings,
    limits: IntensityRange,
    store: EmbeddingStore,
) -> Generator[Progress, None, int]:
    """Tell of how many planes `embed_stack` would find all embeddings in a store.

    Embeddings are known by the pixels of their plane, so planes have to be read: at
    most 32 of them, evenly spread. Of a longer stack the number is an estimate.

    Parameters
    ----------
    stack, predictor, limits : Stack, MaskPredictor, IntensityRange
        Of the job.
    settings : AutomaticSettings
        With the size of objects settled, as by `with_object_size`.
    store : EmbeddingStore
        Nothing is written to it.

    Yields
    ------
    Progress
        Stage ``"look into the store"``, one step a plane.

    Raises
    ------
    UnreadableInputError
        A plane cannot be read.
    """
    stored = StoredPredictor(predictor, UnchangedStore(store))
    n_sampled = min(stack.n_planes, _MOST_SAMPLED)
    numbers = np.linspace(0, stack.n_planes - 1, n_sampled).round().astype(int)
    n_ready = 0
    for done, number in enumerate(numbers.tolist()):
        yield Progress("look into the store", done, n_sampled)
        place = np.unravel_index(number, stack.index_shape) if stack.index_axes else ()
        plane = plane_of(stack, tuple(int(i) for i in place))
        searched = SearchedPlane.create(plane, None, limits)
        scale = searched.scale(stored, settings)
        crops = plan_crops(searched.shape, predictor.frame_size, settings, scale)
        n_ready += all(
            stored.key(searched.part(crop), limits) in store for crop in crops
        )
    return round(n_ready * stack.n_planes / n_sampled)
