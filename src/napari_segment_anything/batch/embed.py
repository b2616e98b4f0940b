"""Embed the planes of a stack ahead of time."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from napari_segment_anything.batch.encode_ahead import EncodeAhead
from napari_segment_anything.batch.object_size import (
    middle_of,
    with_object_size,
)
from napari_segment_anything.batch.plane_keys import PlaneKeys
from napari_segment_anything.batch.plane_loop import Tally, work_here
from napari_segment_anything.batch.plane_work import EmbedWork, PlaneRecipe
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.shared_store import folder_of
from napari_segment_anything.batch.side_by_side import n_side_by_side
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.write_behind import WriteBehindStore
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.open import check_is_stack
from napari_segment_anything.stacks.square import with_square_pixels
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore

if TYPE_CHECKING:
    from napari_segment_anything.batch.cluster import Cluster


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
    settings: AutomaticSettings | None = None,
    intensity_range: tuple[float, float] | None = None,
    planes: Iterable[tuple[int, ...]] | None = None,
    cluster: "Cluster | None" = None,
) -> Generator[Progress, None, EmbedSummary]:
    """Encode planes of a stack into a store.

    While planes are encoded, the next one is read and the last one is written; on a CPU
    a small encoder works on several at once, on a card several threads keep it busy.
    Planes whose embedding the store has are
    not encoded again, so that a job that was interrupted continues when it is run once
    more.

    Parameters
    ----------
    stack : Stack
        Read plane by plane; oblong pixels are made square, as in the docks.
    predictor : MaskPredictor
        The model.
    store : EmbeddingStore
        Where embeddings are put.
    settings : AutomaticSettings, optional
        Encode what everything mode with these settings looks at: tiles, where objects
        would be small in the model frame. By default planes are encoded as a whole.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    planes : iterable of tuple of int, optional
        Indices along `Stack.index_axes`; by default all.
    cluster : Cluster, optional
        Workers that encode, and write into the store's folder themselves.

    Yields
    ------
    Progress
        Stage ``"embed"``, one step a plane.

    Raises
    ------
    InvalidImageError
        An array or a path was given: open it with `open_stack` first.
    UnreadableInputError
        A plane cannot be read.
    StorageError
        An embedding cannot be written, or is not in a folder that workers can share.
    """
    check_is_stack(stack)
    stack = with_square_pixels(stack)
    started = perf_counter()
    indices = list(stack.indices() if planes is None else planes)
    progress = Progress("embed", 0, len(indices))
    yield progress
    limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
    looked = StoredPredictor(predictor, store)
    if settings is not None:
        settings = with_object_size(settings, stack, looked, limits)
    looked_at = middle_of(stack) if looked.n_encoded else None
    tally = Tally()
    if cluster is None:
        with WriteBehindStore(store) as behind:
            first = StoredPredictor(predictor, behind, keys=PlaneKeys())
            works = [
                EmbedWork(first.beside(), limits, settings, looked_at=looked_at)
                for _ in range(n_side_by_side(predictor, stack))
            ]
            ahead = EncodeAhead.beside(first, limits, settings)
            yield from work_here(works, stack, indices, tally, progress, ahead)
    else:
        path, quota = folder_of(store)
        recipe = PlaneRecipe(
            stack=stack,
            limits=limits,
            store=path,
            quota_bytes=quota,
            settings=settings,
            looked_at=looked_at,
        )
        digest = predictor.model_digest
        yield from cluster.work(recipe, indices, tally, progress, model_digest=digest)
    return EmbedSummary(len(indices), tally.n_encoded, limits, perf_counter() - started)
