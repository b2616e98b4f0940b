"""What a job would read and write, and how long it would take, from one plane."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.object_size import with_object_size
from napari_segment_anything.batch.plane_work import DetectWork, EmbedWork
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.side_by_side import (
    card_of,
    n_side_by_side,
    side_by_side,
)
from napari_segment_anything.batch.stored_planes import (
    UnchangedStore,
    count_stored_planes,
)
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.tried_part import tried_part
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.square import with_square_pixels
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

_LABEL_BYTES = np.dtype(np.int32).itemsize
# A first plane that is as quick as this is tried again, with everything warm.
_QUICK_SECONDS = 10.0
# All smaller levels of a pyramid together have a third of its pixels.
_WITH_LEVELS = 4 / 3


@dataclass(frozen=True)
class JobEstimate:
    """What a job would need, before compression.

    Attributes
    ----------
    n_planes, n_done, n_ready : int
        Planes of the job, those that an earlier run has finished, and those whose
        embeddings are there already.
    bytes_read : int
        Pixels to be read.
    bytes_written : mapping of str to int
        By what is written: embeddings, labels, image.
    seconds_per_plane : float
        Time of one plane on this machine.
    seconds : float
        Time of all planes that are not done, shared by the workers.
    """

    n_planes: int
    n_done: int
    n_ready: int
    bytes_read: int
    bytes_written: Mapping[str, int]
    seconds_per_plane: float
    seconds: float


def estimate_job(
    stack: Stack,
    predictor: MaskPredictor,
    settings: AutomaticSettings,
    limits: IntensityRange,
    *,
    finds_objects: bool = True,
    copies_image: bool = True,
    n_done: int = 0,
    n_workers: int = 1,
    store: EmbeddingStore | None = None,
) -> Generator[Progress, None, JobEstimate]:
    """Work on the middle plane of a stack, or on its middle, and write nothing.

    Parameters
    ----------
    stack : Stack
        One of its planes is read.
    predictor : MaskPredictor
        The model.
    settings : AutomaticSettings
        What the job would look for.
    limits : IntensityRange
        Intensities that become black and white.
    finds_objects : bool
        Whether objects are sought and labels written, or planes only embedded.
    copies_image : bool
        Whether the image is written beside the labels.
    n_done : int
        Planes that an earlier run has finished.
    n_workers : int
        Processes that share the planes.
    store : EmbeddingStore, optional
        Looked into for planes that need not be embedded again, where that is all that
        the job does; nothing is written to it.

    Yields
    ------
    Progress
        Stages ``"look into the store"`` and ``"try one plane"``.

    Raises
    ------
    UnreadableInputError
        The plane cannot be read.
    """
    progress = Progress("try one plane", 0, 1)
    yield progress
    behind = MemoryEmbeddingStore() if store is None else UnchangedStore(store)
    seen = with_square_pixels(stack)
    settings = with_object_size(settings, seen, predictor, limits, behind)
    n_ready = 0
    if store is not None and not finds_objects:
        n_ready = yield from count_stored_planes(
            seen, predictor, settings, limits, store
        )
    index = tuple(length // 2 for length in stack.index_shape)
    looked = StoredPredictor(predictor, behind)
    part, tried, factor = tried_part(seen, index, looked, settings, limits)
    # As many at once as in the job; workers have one each.
    n_at_once = n_side_by_side(predictor, seen) if n_workers == 1 else 1
    plane = plane_of(part, index)
    for _ in range(2):
        made = [MemoryEmbeddingStore() for _ in range(n_at_once)]
        works: list[DetectWork | EmbedWork] = []
        for new_store in made:
            stored = StoredPredictor(predictor, new_store)
            detector = Detector(stored, tried, limits, n_planes=n_at_once)
            embeds = EmbedWork(stored, limits, tried)
            works.append(DetectWork(detector) if finds_objects else embeds)
        jobs = [partial(work.do, progress=progress) for work in works]
        started = perf_counter()
        planes = [(index, plane)] * n_at_once
        with closing(side_by_side(jobs, planes, card_of(predictor))) as steps:
            for _ in steps:
                yield progress
        elapsed = perf_counter() - started
        if elapsed > _QUICK_SECONDS:
            break
    seconds = elapsed / n_at_once * factor
    n_left = stack.n_planes - n_done
    n_pixels = int(np.prod(stack.plane_shape))
    plane_bytes = n_pixels * stack.dtype.itemsize * (3 if stack.is_rgb else 1)
    # Stores keep half precision.
    n_new = n_left - n_ready
    written = {"embeddings": int(n_new * factor * made[0].nbytes()) // 2}
    if finds_objects:
        written["labels"] = int(n_left * n_pixels * _LABEL_BYTES * _WITH_LEVELS)
        if copies_image:
            written["image"] = int(n_left * plane_bytes * _WITH_LEVELS)
    yield Progress("try one plane", 1, 1)
    return JobEstimate(
        n_planes=stack.n_planes,
        n_done=n_done,
        n_ready=n_ready,
        bytes_read=n_left * plane_bytes,
        bytes_written=written,
        seconds_per_plane=seconds,
        # A plane that is ready is read and recognised, which is little beside this.
        seconds=seconds * n_new / max(1, n_workers),
    )
