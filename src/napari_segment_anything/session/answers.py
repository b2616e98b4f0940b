"""Answering a click before anything else is done, and noting what became ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.session.plane_index import NotingStore
from napari_segment_anything.session.requests import answer

if TYPE_CHECKING:
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.embedding_jobs import EmbeddingPlaces
    from napari_segment_anything.session.requests import MaskRequest, MaskResponse


def answer_first(
    request: MaskRequest, predictor: MaskPredictor, places: EmbeddingPlaces
) -> MaskResponse:
    """Answer a request while jobs in the background wait; called by a worker.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or the prompts lie outside of it.
    """
    noting = NotingStore(places.store)
    with places.gate.answering(request.source, request.plane):
        response = answer(request, predictor, noting)
    digest = predictor.model_digest
    places.index.add(request.source, request.plane, digest, noting.noted)
    return response
