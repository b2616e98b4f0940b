"""From prompts to masks: frozen request, pure function, frozen response.

A worker calls `answer`; nothing here touches state, so that a late response can simply
be dropped by its number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.objects import PlanePrompts, group_prompts
from napari_segment_anything.session.regions import keep_prompted_regions

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.engine.embedding import ImageEmbedding
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.predictor import MaskPrediction, MaskPredictor
    from napari_segment_anything.engine.prompts import Prompts
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore


@dataclass(frozen=True, eq=False)
class MaskRequest:
    """Masks that are wanted on one plane.

    Parameters
    ----------
    number : int
        Grows with each request of a session.
    source : PlaneSource
        The image.
    plane : PlaneId
        The plane that was drawn on.
    prompts : PlanePrompts
        What was drawn. Without an object only the embedding is made ready.
    """

    number: int
    source: PlaneSource
    plane: PlaneId
    prompts: PlanePrompts


@dataclass(frozen=True, eq=False)
class MaskResponse:
    """The answer to a `MaskRequest`.

    Parameters
    ----------
    request : MaskRequest
        What was asked.
    masks : MaskSet or None
        One mask per object, the best by predicted IoU; None without an object.
    model_digest : str
        Digest of the weights that answered.
    encoding_seconds, decoding_seconds : float
        Time spent; encoding includes reading the plane.
    """

    request: MaskRequest
    masks: MaskSet | None
    model_digest: str
    encoding_seconds: float
    decoding_seconds: float


def embed_plane(
    source: PlaneSource,
    plane: PlaneId,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> ImageEmbedding:
    """Return the embedding of a plane, from the store or from the image encoder.

    The plane is read each time and its content is part of the key, so that the
    embedding of an image that has changed since is never used.

    Raises
    ------
    UnreadableInputError, InvalidImageError
        When the plane cannot be read or segmented.
    """
    from napari_segment_anything.engine.geometry import FrameGeometry
    from napari_segment_anything.storage.embedding_store import plane_key

    image = source.read(plane)
    intensity_range = source.intensity_range(plane)
    key = plane_key(
        image,
        intensity_range=intensity_range,
        geometry=FrameGeometry(image.shape[:2], predictor.frame_size),
        model_digest=predictor.model_digest,
    )
    embedding = store.get(key)
    if embedding is None:
        embedding = predictor.embed(image, intensity_range=intensity_range)
        store.put(key, embedding)
    return embedding


def answer(
    request: MaskRequest, predictor: MaskPredictor, store: EmbeddingStore
) -> MaskResponse:
    """Answer a request; called by a worker.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or the prompts lie outside of it.
    """
    started = time.perf_counter()
    embedding = embed_plane(request.source, request.plane, predictor, store)
    encoded = time.perf_counter()
    masks = None
    if request.prompts.has_object:
        masks = _predict(embedding, request.prompts, predictor)
    return MaskResponse(
        request=request,
        masks=masks,
        model_digest=predictor.model_digest,
        encoding_seconds=encoded - started,
        decoding_seconds=time.perf_counter() - encoded,
    )


def _predict(
    embedding: ImageEmbedding, prompts: PlanePrompts, predictor: MaskPredictor
) -> MaskSet:
    # A single point is ambiguous: SAM then gives three masks to choose from, while its
    # single-mask output is the better one for anything more specific.
    is_ambiguous = len(prompts.boxes) == 0 and len(prompts.points) == 1
    grouped = group_prompts(prompts)
    prediction = predictor.predict(embedding, grouped, multimask=is_ambiguous)
    return _best_masks(prediction, grouped)


def _best_masks(prediction: MaskPrediction, prompts: Prompts) -> MaskSet:
    from napari_segment_anything.engine.mask_set import MaskSet

    best = prediction.iou_predictions.argmax(axis=1)
    boxes, masks = [], []
    for number, alternative in enumerate(best):
        whole = prediction.masks[number, alternative]
        y0, x0, y1, x1 = mask_box(whole)
        points = _inside_points(prompts, number) - (y0, x0)
        mask = keep_prompted_regions(whole[y0:y1, x0:x1], points)
        top, left, bottom, right = mask_box(mask)
        boxes.append((y0 + top, x0 + left, y0 + bottom, x0 + right))
        masks.append(mask[top:bottom, left:right].copy())
    height, width = prediction.masks.shape[-2:]
    return MaskSet.from_masks(
        (height, width),
        boxes,
        masks,
        predicted_iou=prediction.iou_predictions[np.arange(len(best)), best],
        points=np.array([[(y0 + y1) / 2, (x0 + x1) / 2] for y0, x0, y1, x1 in boxes]),
    )


def _inside_points(prompts: Prompts, number: int) -> npt.NDArray[np.floating]:
    if prompts.points is None or prompts.point_labels is None:
        return np.zeros((0, 2))
    is_inside = prompts.point_labels[number] == 1
    inside: npt.NDArray[np.floating] = prompts.points[number][is_inside]
    return inside


def mask_box(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Half-open box (y0, x0, y1, x1) around a mask; empty at 0 for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
