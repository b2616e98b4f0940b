"""What the dock *Time* computes again around a corrected object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.batch.track_jobs import recompute_job

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.tracking.correction_steps import Place
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.widgets.time_request import TimeTracks


def recompute_around(
    place: Place,
    position: Position,
    found: TimeTracks,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Generator[Progress, None, Recomputed]:
    """Compute again what depends on an object, with the settings of its movie."""
    request, result = found.request, found.result
    plane, tracks = request.plane_of(position), found.movies[position]
    stack = request.source.stack(plane)
    fixed = dict(plane.index)
    indices = [
        tuple({**fixed, request.along: t}[a] for a in stack.index_axes)
        for t in range(tracks.n_frames)
    ]
    # Estimating the range of intensities may read planes: not before it is driven.
    return (
        yield from recompute_job(
            stack,
            indices,
            predictor,
            store,
            tracks,
            place,
            intensity_range=request.source.intensity_range(plane),
            settings=None if result is None else result.settings,
            linking=found.linking,
            locked_frames=request.locked_frames,
        )
    )
