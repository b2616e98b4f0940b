"""A predictor that looks into an embedding store before it encodes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy.typing as npt

from napari_segment_anything.batch.stopwatch import Stopwatch
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.image import check_plane, percentile_range
from napari_segment_anything.engine.predictor import IntensityRange, MaskPredictor
from napari_segment_anything.storage.embedding_store import EmbeddingStore, plane_key


class StoredPredictor(MaskPredictor):
    """A `MaskPredictor` whose embeddings are kept in a store.

    Keys are made from the pixels, so whole planes, tiles and crops are found again
    wherever they come from, and a changed image never meets an old embedding.

    Parameters
    ----------
    predictor : MaskPredictor
        Encodes what the store lacks; its networks are shared, not copied.
    store : EmbeddingStore
        Looked into first, and given each new embedding.
    watch : Stopwatch, optional
        Counts the seconds of ``encoding`` and ``storing``.

    Attributes
    ----------
    n_encoded, n_found : int
        Images that were encoded, and that were found in the store.
    """

    def __init__(
        self,
        predictor: MaskPredictor,
        store: EmbeddingStore,
        *,
        watch: Stopwatch | None = None,
    ) -> None:
        super().__init__(
            predictor._placed,
            model_digest=predictor.model_digest,
            model_name=predictor.model_name,
        )
        self.store = store
        self.watch = watch or Stopwatch()
        self.n_encoded = 0
        self.n_found = 0

    def embed_batch(
        self,
        images: Sequence[npt.ArrayLike],
        intensity_range: IntensityRange | None = None,
    ) -> list[ImageEmbedding]:
        """Return embeddings from the store; encode and store those it lacks."""
        return [self._embed_one(image, intensity_range) for image in images]

    def _embed_one(
        self, image: npt.ArrayLike, intensity_range: IntensityRange | None
    ) -> ImageEmbedding:
        plane = check_plane(image)
        limits = intensity_range or percentile_range(plane)
        with self.watch.timing("storing"):
            key = self.key(plane, limits)
            found = self.store.get(key)
        if found is not None:
            self.n_found += 1
            return found
        with self.watch.timing("encoding"):
            (embedding,) = super().embed_batch([plane], limits)
        # Stores keep half precision. Rounding at once makes a job that is interrupted
        # and run again end with the same masks as one that was not.
        embedding = replace(embedding, features=embedding.features.half().float())
        with self.watch.timing("storing"):
            self.store.put(key, embedding)
        self.n_encoded += 1
        return embedding

    def key(self, plane: npt.ArrayLike, limits: IntensityRange) -> str:
        """Return the store's key of a plane, (H, W) or (H, W, 3)."""
        plane = check_plane(plane)
        height, width = plane.shape[:2]
        return plane_key(
            plane,
            intensity_range=limits,
            geometry=FrameGeometry((height, width), self.frame_size),
            model_digest=self.model_digest,
        )
