"""Answers as the user wants them: before all other work, of a size, and cleaned."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.decoding import prompted_regions
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.objects import group_prompts
from napari_segment_anything.session.plane_index import NotingStore
from napari_segment_anything.session.requests import (
    MaskResponse,
    answer,
    prompted_plane,
)

if TYPE_CHECKING:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.embedding_jobs import EmbeddingPlaces
    from napari_segment_anything.session.requests import MaskRequest
    from napari_segment_anything.storage.embedding_store import EmbeddingStore


class MaskSize(StrEnum):
    """Which of three masks a single click means."""

    BEST = "best"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"

    @property
    def next(self) -> MaskSize:
        """The size after this one, in a circle."""
        sizes = list(MaskSize)
        return sizes[(sizes.index(self) + 1) % len(sizes)]


SIZES = (MaskSize.SMALL, MaskSize.MEDIUM, MaskSize.LARGE)


@dataclass(frozen=True)
class AnswerSettings:
    """What the user wants of each answer.

    Parameters
    ----------
    size : MaskSize
        Which of the three masks of a single click.
    options : MaskOptions
        How masks are cleaned.
    others_are_out : bool
        Whether points of objects nearby count as outside.
    """

    size: MaskSize = MaskSize.BEST
    options: MaskOptions = field(default_factory=MaskOptions)
    others_are_out: bool = False


@dataclass(frozen=True, eq=False)
class SizedResponse(MaskResponse):
    """An answer to a single click, of one size out of three.

    Parameters
    ----------
    size : MaskSize
        Which one ``masks`` holds.
    iou_by_size : tuple of float
        Predicted IoU of the small, the medium and the large mask.
    other_sizes : MaskSet or None
        The masks of the two other sizes.
    """

    size: MaskSize = MaskSize.BEST
    iou_by_size: tuple[float, ...] = ()
    other_sizes: MaskSet | None = None


def answer_first(
    request: MaskRequest,
    predictor: MaskPredictor,
    places: EmbeddingPlaces,
    settings: AnswerSettings | None = None,
) -> MaskResponse:
    """Answer a request while jobs in the background wait; called by a worker.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or the prompts lie outside of it.
    """
    noting = NotingStore(places.store)
    with places.gate.answering(request.source, request.plane):
        response = answer_with(request, predictor, noting, settings)
    digest = predictor.model_digest
    places.index.add(request.source, request.plane, digest, noting.noted)
    return response


def preview(
    request: MaskRequest, predictor: MaskPredictor, store: EmbeddingStore
) -> MaskResponse:
    """Answer a request on a plane that is ready, without encoding any window of it.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or the prompts lie outside of it.
    """
    response = answer(request, predictor, store, may_encode=False)
    if response.masks is None:
        return response
    return replace(response, masks=MaskOptions().apply(response.masks))


def answer_with(
    request: MaskRequest,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: AnswerSettings | None = None,
) -> MaskResponse:
    """Answer a request with masks of the size that is wanted, cleaned.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or the prompts lie outside of it.
    """
    settings = settings or AnswerSettings()
    if request.prompts.is_ambiguous:
        return _answer_in_sizes(request, predictor, store, settings)
    response = answer(request, predictor, store)
    if response.masks is None:
        return response
    return replace(response, masks=settings.options.apply(response.masks))


def _answer_in_sizes(
    request: MaskRequest,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: AnswerSettings,
) -> SizedResponse:
    from napari_segment_anything.engine.mask_set import MaskSet

    started = time.perf_counter()
    grouped = group_prompts(request.prompts)
    with prompted_plane(request.source, request.plane, predictor, store) as plane:
        _ = plane.scale
        encoded = time.perf_counter()
        found = plane.answer(grouped, multimask=True)
    by_size = np.argsort(found.areas, kind="stable")
    if settings.size == MaskSize.BEST:
        chosen = int(found.predicted_iou.argmax())
    else:
        chosen = int(by_size[min(SIZES.index(settings.size), len(by_size) - 1)])
    masks = settings.options.apply(
        MaskSet.concatenate(
            [prompted_regions(found.select([i]), grouped) for i in range(len(found))]
        )
    )
    return SizedResponse(
        request=request,
        masks=masks.select([chosen]),
        model_digest=predictor.model_digest,
        encoding_seconds=encoded - started,
        decoding_seconds=time.perf_counter() - encoded,
        size=settings.size,
        other_sizes=masks.select([i for i in by_size.tolist() if i != chosen]),
        iou_by_size=tuple(float(iou) for iou in found.predicted_iou[by_size]),
    )
