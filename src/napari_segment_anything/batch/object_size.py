"""One size of objects for all planes of a stack."""

from dataclasses import replace

from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import SearchedPlane
from napari_segment_anything.engine.working_scale import SEARCHED_DIAMETER
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore


def with_object_size(
    settings: AutomaticSettings,
    stack: Stack,
    predictor: MaskPredictor,
    limits: IntensityRange,
    store: EmbeddingStore | None = None,
) -> AutomaticSettings:
    """Settle the size of objects for a whole stack, from its middle plane.

    Estimated anew on each plane, the scale would cost an extra look at each of them,
    and could change from one frame to the next. A size that the settings name stays,
    and a single plane is left to itself.

    Parameters
    ----------
    settings : AutomaticSettings
        Their ``object_diameter`` is filled in where it is 0.
    stack, predictor, limits : Stack, MaskPredictor, IntensityRange
        Of the job.
    store : EmbeddingStore, optional
        That of the job, if it has one. A `StoredPredictor` uses its own.

    Raises
    ------
    UnreadableInputError
        When the plane cannot be read.
    """
    if settings.object_diameter > 0 or stack.n_planes < 2:
        return settings
    if not (settings.tile and predictor.has_proposals):
        return settings
    plane = SearchedPlane.create(plane_of(stack, middle_of(stack)), None, limits)
    # A job that goes on finds in the store what it has looked at before.
    if not isinstance(predictor, StoredPredictor):
        predictor = StoredPredictor(predictor, store or MemoryEmbeddingStore())
    scale = plane.scale(predictor, settings)
    if scale is None:
        return settings
    return replace(settings, object_diameter=SEARCHED_DIAMETER / scale)


def middle_of(stack: Stack) -> tuple[int, ...]:
    """Return the index of the plane that `with_object_size` looks at."""
    return tuple(length // 2 for length in stack.index_shape)
