"""Embedding planes ahead of their use, and looking after the store."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.session.plane_index import NotingStore
from napari_segment_anything.session.planes import PlaneId

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.encoding_gate import EncodingGate
    from napari_segment_anything.session.plane_index import PlaneIndex
    from napari_segment_anything.session.plane_queue import PlaneQueue
    from napari_segment_anything.session.planes import PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore

_SECONDS_BETWEEN_LOOKS = 0.05


@dataclass(frozen=True, eq=False)
class EmbeddingPlaces:
    """Where embeddings are kept, noted, and guarded.

    Parameters
    ----------
    store : EmbeddingStore
        Keeps them.
    index : PlaneIndex
        Knows which planes have one.
    gate : EncodingGate
        Lets clicks go first.
    """

    store: EmbeddingStore
    index: PlaneIndex
    gate: EncodingGate


def embed_planes_job(
    source: PlaneSource,
    like: PlaneId,
    predictor: MaskPredictor,
    places: EmbeddingPlaces,
    queue: PlaneQueue,
) -> Generator[Progress, None, int]:
    """Embed the planes that a queue wants, until it wants no more.

    Parameters
    ----------
    source : PlaneSource
        The image.
    like : PlaneId
        A plane of the stack to embed: they share plane axes and channel.
    predictor : MaskPredictor
        The model.
    places : EmbeddingPlaces
        Where embeddings are put and noted.
    queue : PlaneQueue
        Says which plane comes next; asked anew after each plane.

    Yields
    ------
    Progress
        Planes that are ready, of all planes of the stack.

    Returns
    -------
    int
        Planes that this job embedded or found in the store.

    Raises
    ------
    SegmentAnythingError
        When a plane cannot be read, or an embedding cannot be kept.
    """
    from napari_segment_anything.batch.embed import embed_stack

    stack = source.stack(like)
    digest = predictor.model_digest

    def is_ready(index: tuple[int, ...]) -> bool:
        plane = plane_at(source, like, index)
        keys = places.index.keys_of(source, plane, digest)
        if keys and all(key in places.store for key in keys):
            return True
        # A store with a quota drops what was not used for long.
        places.index.drop(source, plane, digest)
        return False

    def progress() -> Progress:
        n_ready = int(np.count_nonzero(places.index.ready(source, like, digest)))
        return Progress("embed", n_ready, stack.n_planes)

    yield progress()
    limits = source.intensity_range(like)
    n_done = 0
    while True:
        while not places.gate.wait_for_clicks(_SECONDS_BETWEEN_LOOKS):
            yield progress()
        index = queue.take(is_ready)
        if index is None:
            return n_done
        plane = plane_at(source, like, index)
        yield progress()
        noting = NotingStore(places.store)
        with (
            places.gate.encoding(source, plane),
            closing(
                embed_stack(
                    stack, predictor, noting, intensity_range=limits, planes=[index]
                )
            ) as job,
        ):
            # Stretched planes are not those of the stack.
            if not source.stretch(plane).is_needed:
                for _ in job:
                    pass
            _know_scale(source, plane, predictor, noting)
        places.index.add(source, plane, digest, noting.noted)
        n_done += 1
        yield progress()


def _know_scale(
    source: PlaneSource,
    plane: PlaneId,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> None:
    """Put into the store a stretched plane, and what tells the size of objects.

    Where they are small that takes a few windows of the plane. A click would encode
    them first; here they are ready before.
    """
    from napari_segment_anything.batch.stored_predictor import StoredPredictor
    from napari_segment_anything.engine.plane_predictor import PlanePredictor

    if not (predictor.has_proposals or source.stretch(plane).is_needed):
        return
    image, limits = source.read_square(plane), source.intensity_range(plane)
    stored = StoredPredictor(predictor, store)
    whole = stored.embed(image, intensity_range=limits)
    _ = PlanePredictor(stored, image, intensity_range=limits, embedding=whole).scale


def plane_at(source: PlaneSource, like: PlaneId, index: tuple[int, ...]) -> PlaneId:
    """Return the plane at an index of a stack.

    Parameters
    ----------
    source : PlaneSource
        The image.
    like : PlaneId
        Any plane of the stack.
    index : tuple of int
        Position along each index axis of ``source.stack(like)``.
    """
    positions = dict(zip(source.stack(like).index_axes, index, strict=True))
    return PlaneId(
        like.plane_axes,
        tuple((letter, positions.get(letter, number)) for letter, number in like.index),
    )


def clear_store_job(store: EmbeddingStore) -> Generator[Progress, None, int]:
    """Drop all embeddings of a store; return how many bytes they took."""
    yield Progress("clear", 0, 0, "Clearing the store …")
    n_bytes = store.nbytes()
    for key in list(store.keys()):
        store.delete(key)
        yield Progress("clear", 0, 0, "Clearing the store …")
    return n_bytes
