"""What the dock *Time* computes again around a corrected object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.batch.track_jobs import recompute_job

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.widgets.time_jobs import TimeTracks


def recompute_around(
    place: tuple[int, int],
    found: TimeTracks,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, Recomputed]:
    """Compute again what depends on an object, with the settings of its movie."""
    request, result = found.request, found.result
    stack = request.source.stack(request.plane)
    fixed = dict(request.plane.index)
    indices = [
        tuple({**fixed, request.along: t}[a] for a in stack.index_axes)
        for t in range(found.tracks.n_frames)
    ]
    # Estimating the range of intensities may read planes: not before it is driven.
    return (
        yield from recompute_job(
            stack,
            indices,
            predictor,
            store,
            found.tracks,
            place,
            intensity_range=request.source.intensity_range(request.plane),
            settings=None if result is None else result.settings,
            linking=found.linking,
            locked_frames=request.locked_frames,
        )
    )


def describe_recomputed(done: Recomputed) -> str:
    """Say how much else changed."""
    n = len(done.correction.changes)
    if n == 0:
        return "Nothing else had to change."
    return f"{n} frame{'s' if n != 1 else ''} around it changed."
