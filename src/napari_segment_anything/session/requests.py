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

from napari_segment_anything.session.decoding import masks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_segment_anything.batch.stored_predictor import StoredPredictor
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.plane_predictor import PlanePredictor
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.engine.stretch import StretchedPlane
    from napari_segment_anything.session.objects import PlanePrompts
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
) -> Iterator[PlanePredictor | StretchedPlane]:
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
    from napari_segment_anything.engine.stretch import StretchedPlane

    image, stretch = source.read_square(plane), source.stretch(plane)
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
        asked = known[key]
        yield StretchedPlane(asked, stretch) if stretch.is_needed else asked


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
            masks = masks_of(plane, request.prompts, may_encode=may_encode)
    return MaskResponse(
        request=request,
        masks=masks,
        model_digest=predictor.model_digest,
        encoding_seconds=encoded - started,
        decoding_seconds=time.perf_counter() - encoded,
    )
