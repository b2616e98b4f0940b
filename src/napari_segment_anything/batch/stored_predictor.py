"""A predictor that looks into an embedding store before it encodes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy.typing as npt

from napari_segment_anything.batch.in_flight import in_flight
from napari_segment_anything.batch.plane_keys import PlaneKeys
from napari_segment_anything.batch.stopwatch import Stopwatch
from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.image import Plane, check_plane
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
    keys : PlaneKeys, optional
        Of a job, which nobody writes to the planes of.

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
        keys: PlaneKeys | None = None,
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
        self._keys = keys

    def beside(self) -> "StoredPredictor":
        """Return another one for another thread, which counts for itself."""
        return StoredPredictor(self, self.store, keys=self._keys)

    def embed_batch(
        self,
        images: Sequence[npt.ArrayLike | BandedPlane],
        intensity_range: IntensityRange | None = None,
    ) -> list[ImageEmbedding]:
        """Return embeddings from the store; encode and store those it lacks."""
        planes = [check_plane(image) for image in images]
        with self.watch.timing("storing"):
            limits = [intensity_range or percentile_range(plane) for plane in planes]
            keys = [self.key(*both) for both in zip(planes, limits, strict=True)]
        found, places = self._look_up(keys)
        if places:
            with in_flight(self.store).alone(set(places)):
                # Others may have made some of them in the meantime.
                made, missing = self._look_up(list(places))
                found |= made
                lacking = {key: places[key] for key in missing}
                if lacking:
                    found |= self._encode(planes, limits, lacking, intensity_range)
        return [found[key] for key in keys]

    def _encode(
        self,
        planes: Sequence[Plane],
        limits: Sequence[IntensityRange],
        missing: Mapping[str, int],
        common_range: IntensityRange | None,
    ) -> dict[str, ImageEmbedding]:
        """Encode the planes whose positions are given by key, and store them."""
        wanted = list(missing.values())
        # Without a common range each plane has its own, which is known by now.
        batches = [wanted] if common_range else [[i] for i in wanted]
        encoded: list[ImageEmbedding] = []
        with self.watch.timing("encoding"):
            for batch in batches:
                encoded += super().embed_batch(
                    [planes[i] for i in batch], limits[batch[0]]
                )
        self.n_encoded += len(encoded)
        new = {}
        for key, embedding in zip(missing, encoded, strict=True):
            # Stores keep half precision. Rounding at once makes a job that is
            # interrupted and run again end with the same masks as one that was not.
            features = embedding.features.half().float()
            new[key] = replace(embedding, features=features)
            with self.watch.timing("storing"):
                self.store.put(key, new[key])
        return new

    def _look_up(
        self, keys: Sequence[str]
    ) -> tuple[dict[str, ImageEmbedding], dict[str, int]]:
        """Return embeddings that are there, and where in the keys the others begin."""
        found: dict[str, ImageEmbedding] = {}
        missing: dict[str, int] = {}
        with self.watch.timing("storing"):
            for i, key in enumerate(keys):
                stored = self.store.get(key)
                if stored is None:
                    missing.setdefault(key, i)
                else:
                    found[key] = stored
                    self.n_found += 1
        return found, missing

    def key(self, plane: npt.ArrayLike | BandedPlane, limits: IntensityRange) -> str:
        """Return the store's key of a plane, (H, W) or (H, W, 3)."""
        plane = check_plane(plane)
        height, width = plane.shape[:2]
        return (plane_key if self._keys is None else self._keys.of)(
            plane,
            intensity_range=limits,
            geometry=FrameGeometry((height, width), self.frame_size),
            model_digest=self.model_digest,
        )
