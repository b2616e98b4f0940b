"""From prompts to masks: frozen request, pure function, frozen response.

A worker calls `answer`; nothing here touches state, so that a late response can simply
be dropped by its number.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from napari_segment_anything.session.objects import PlanePrompts, group_prompts
from napari_segment_anything.session.regions import keep_prompted_regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from napari_segment_anything.batch.stored_predictor import StoredPredictor
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.plane_predictor import PlanePredictor
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.engine.prompts import Prompts
    from napari_segment_anything.session.drawing import Outline
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


@contextmanager
def prompted_plane(
    source: PlaneSource,
    plane: PlaneId,
    predictor: MaskPredictor,
    store: EmbeddingStore,
) -> Iterator[PlanePredictor]:
    """Give what answers prompts on a plane: in windows where its objects are small.

    The plane is read each time and its content is part of the key, so that embeddings
    of an image that has changed since are never used. Embeddings of the plane and of
    its windows come from the store, or from the image encoder and go there. One thread
    at a time has it: what it knows of the plane is shared by clicks and hovering.

    Raises
    ------
    UnreadableInputError, InvalidImageError
        When the plane cannot be read or segmented.
    """
    from napari_segment_anything.batch.stored_predictor import StoredPredictor
    from napari_segment_anything.engine.plane_predictor import PlanePredictor

    image = source.read(plane)
    limits = source.intensity_range(plane)
    with _one_at_a_time:
        if predictor not in _planes:
            _planes[predictor] = StoredPredictor(predictor, store), OrderedDict()
        stored, known = _planes[predictor]
        stored.store = store  # the user may have chosen another folder since
        key = stored.key(image, limits)
        embedding = store.get(key)
        if embedding is None:
            embedding = stored.embed(image, intensity_range=limits)
        if key not in known:
            known[key] = PlanePredictor(
                stored, image, intensity_range=limits, embedding=embedding
            )
            if len(known) > _N_PLANES:
                known.popitem(last=False)
        known.move_to_end(key)
        yield known[key]


# Planes that were clicked last, by their content: the scale of their objects is known
# and their windows are at hand. They go when the model goes.
_N_PLANES = 2
_planes: WeakKeyDictionary[
    MaskPredictor, tuple[StoredPredictor, OrderedDict[str, PlanePredictor]]
] = WeakKeyDictionary()
_one_at_a_time = threading.Lock()


def answer(
    request: MaskRequest,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    *,
    may_encode: bool = True,
) -> MaskResponse:
    """Answer a request; called by a worker.

    Without ``may_encode`` it is answered in the windows that are there, or in the frame
    of the whole plane.

    Raises
    ------
    SegmentAnythingError
        When the plane cannot be read or the prompts lie outside of it.
    """
    started = time.perf_counter()
    masks = None
    with prompted_plane(request.source, request.plane, predictor, store) as plane:
        if may_encode:
            # Known before the first click, so that the click need not wait for it.
            _ = plane.scale
        encoded = time.perf_counter()
        if request.prompts.has_object:
            has_proposals = predictor.has_proposals
            masks = _predict(plane, request.prompts, may_encode, has_proposals)
    return MaskResponse(
        request=request,
        masks=masks,
        model_digest=predictor.model_digest,
        encoding_seconds=encoded - started,
        decoding_seconds=time.perf_counter() - encoded,
    )


def is_ambiguous(prompts: PlanePrompts) -> bool:
    """Whether prompts may mean a part, an object or a group: a single click."""
    return len(prompts.boxes) == 0 and len(prompts.points) == 1 and prompts.has_object


def _predict(
    plane: PlanePredictor,
    prompts: PlanePrompts,
    may_encode: bool,
    has_proposals: bool,
) -> MaskSet:
    from napari_segment_anything.engine.mask_set import MaskSet

    grouped = group_prompts(prompts)
    is_rough = np.array([area.kind.is_rough_mask for area in prompts.areas], dtype=bool)
    if not is_rough.any():
        first = None if has_proposals else _first_click(prompts)
        rough = None
        if first is not None:
            # A correction starts from the mask that it corrects.
            rough = _best(plane.answer(first, may_encode=may_encode), 1)
        answered = plane.answer(
            grouped, multimask=is_ambiguous(prompts), may_encode=may_encode, rough=rough
        )
        return prompted_regions(_best(answered, grouped.n_objects), grouped)
    parts, order = [], []
    for chosen in (np.flatnonzero(is_rough), np.flatnonzero(~is_rough)):
        if len(chosen):
            rough = None
            if is_rough[chosen[0]]:
                outlines = [prompts.areas[i] for i in chosen]
                rough = _rough_masks(outlines, plane.plane_shape)
            part = grouped.select(chosen)
            answered = plane.answer(
                part, multimask=False, may_encode=may_encode, rough=rough
            )
            parts.append(_best(answered, len(chosen)))
            order.append(chosen)
    best = MaskSet.concatenate(parts).select(np.argsort(np.concatenate(order)))
    return prompted_regions(best, grouped)


def _best(answered: MaskSet, n_objects: int) -> MaskSet:
    scores = answered.predicted_iou.reshape(n_objects, -1)
    width = scores.shape[1]
    return answered.select(np.arange(n_objects) * width + scores.argmax(axis=1))


def _first_click(prompts: PlanePrompts) -> Prompts | None:
    """Return the click that later ones correct, None for anything else."""
    from napari_segment_anything.engine.prompts import Prompts

    if len(prompts.boxes) or len(prompts.points) < 2 or not prompts.is_inside[0]:
        return None
    return Prompts.from_points(prompts.points[:1], [1])


def _rough_masks(outlines: Sequence[Outline], shape: tuple[int, int]) -> MaskSet:
    from napari_segment_anything.engine.mask_set import MaskSet

    boxes, crops = [], []
    for outline in outlines:
        (top, left), mask = outline.mask()
        y0, x0 = max(top, 0), max(left, 0)
        part = mask[
            y0 - top : max(shape[0] - top, 0), x0 - left : max(shape[1] - left, 0)
        ]
        boxes.append((y0, x0, y0 + part.shape[0], x0 + part.shape[1]))
        crops.append(part)
    return MaskSet.from_masks(shape, boxes, crops, points=np.zeros((len(crops), 2)))


def prompted_regions(masks: MaskSet, prompts: Prompts) -> MaskSet:
    """Drop islands of masks, one of each object, that nobody pointed at."""
    from napari_segment_anything.engine.mask_set import MaskSet

    boxes, crops = [], []
    for number, whole in enumerate(masks.masks):
        y0, x0 = (int(v) for v in masks.boxes[number, :2])
        points = _inside_points(prompts, number) - (y0, x0)
        mask = keep_prompted_regions(whole, points)
        top, left, bottom, right = mask_box(mask)
        boxes.append((y0 + top, x0 + left, y0 + bottom, x0 + right))
        crops.append(mask[top:bottom, left:right].copy())
    return MaskSet.from_masks(
        masks.shape,
        boxes,
        crops,
        predicted_iou=masks.predicted_iou,
        stability_score=masks.stability_score,
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
