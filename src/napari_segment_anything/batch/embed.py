"""Embed the planes of a stack ahead of time."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from time import perf_counter

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore


@dataclass(frozen=True)
class EmbedSummary:
    """What `embed_stack` did.

    Attributes
    ----------
    n_planes : int
        Planes that are in the store now.
    n_encoded : int
        Planes that had to be encoded; the rest was in the store already.
    intensity_range : IntensityRange
        Part of what the embeddings depend on.
    seconds : float
        Wall time of the whole job.
    """

    n_planes: int
    n_encoded: int
    intensity_range: IntensityRange
    seconds: float


def embed_stack(
    stack: Stack,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    *,
    intensity_range: tuple[float, float] | None = None,
    planes: Iterable[tuple[int, ...]] | None = None,
) -> Generator[Progress, None, EmbedSummary]:
    """Encode planes of a stack into a store, one after the other.

    Planes whose embedding the store has are not encoded again, so that a job that was
    interrupted continues when it is run once more.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    predictor : MaskPredictor
        The model.
    store : EmbeddingStore
        Where embeddings are put.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    planes : iterable of tuple of int, optional
        Indices along `Stack.index_axes`; by default all.

    Yields
    ------
    Progress
        Stage ``"embed"``, one step a plane.

    Raises
    ------
    UnreadableInputError
        A plane cannot be read.
    StorageError
        An embedding cannot be written.
    """
    started = perf_counter()
    indices = list(stack.indices() if planes is None else planes)
    yield Progress("embed", 0, len(indices))
    limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
    stored = StoredPredictor(predictor, store)
    for done, index in enumerate(indices, start=1):
        stored.embed(stack.read(index), intensity_range=limits)
        yield Progress("embed", done, len(indices))
    return EmbedSummary(
        len(indices), stored.n_encoded, limits, perf_counter() - started
    )
