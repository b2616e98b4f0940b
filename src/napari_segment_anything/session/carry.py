"""Carry an object through neighbouring planes: slices of a volume, or frames."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.plane_predictor import PlanePredictor
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.engine.prompts import Prompts
    from napari_segment_anything.engine.stretch import StretchedPlane
    from napari_segment_anything.session.commits import Canvas
    from napari_segment_anything.session.mask_options import MaskOptions
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.tracking.repair_settings import RepairSettings


@dataclass(frozen=True, eq=False)
class Carried:
    """An object on the planes that it was carried to.

    Parameters
    ----------
    masks : dict of PlaneId to MaskSet
        One mask a plane; planes on which the model was not sure are missing.
    axis : str
        Along which it was carried.
    span : tuple of int
        First and last position that was to be filled.
    model_digest : str
        Digest of the weights.
    """

    masks: dict[PlaneId, MaskSet]
    axis: str
    span: tuple[int, int]
    model_digest: str


def carry_job(
    source: PlaneSource,
    known: Mapping[PlaneId, MaskSet],
    axis: str,
    span: tuple[int, int],
    predictor: MaskPredictor,
    store: EmbeddingStore,
    options: MaskOptions,
) -> Generator[Progress, None, Carried]:
    """Carry an object from the planes where it is known to those between and beside.

    From each known plane the model is asked about the next one with box, middle and
    shape of the mask before, and so on until the middle of a gap, or until an answer
    is not believed: by the rules that repair tracks through time.

    Parameters
    ----------
    source : PlaneSource
        The image.
    known : mapping of PlaneId to MaskSet
        One mask a plane; the planes differ only along the axis.
    axis : str
        Letter of the axis to go along.
    span : tuple of int
        First and last position to fill.
    predictor, store : MaskPredictor, EmbeddingStore
        Answer; embeddings are found or put.
    options : MaskOptions
        How masks are cleaned.

    Yields
    ------
    Progress
        Stage ``"carry"``, one step a plane.

    Raises
    ------
    SegmentAnythingError
        When a plane cannot be read.
    """
    from napari_segment_anything.tracking.repair_settings import RepairSettings

    # Only what the model draws: copies of the last plane would go on for ever.
    settings = RepairSettings(min_overlap=0.3, max_growth=2.5, carry=False)
    keys = {_position(plane, axis): (plane, mask) for plane, mask in known.items()}
    routes = list(_routes(sorted(keys), span))
    total = sum(len(route) for _, route in routes)
    found: dict[PlaneId, MaskSet] = {}
    done = 0
    for start, route in routes:
        plane, expected = keys[start]
        for position in route:
            yield Progress("carry", done, total)
            done += 1
            place = moved(plane, axis, position)
            if place not in found:
                answer = _ask(source, place, expected, predictor, store, settings)
                if answer is None:
                    break
                found[place] = options.apply(answer)
            expected = found[place]
    yield Progress("carry", total, total)
    return Carried(found, axis, span, predictor.model_digest)


def known_slices(
    canvas_of: Callable[[PlaneId], Canvas], plane: PlaneId, object_id: int, axis: str
) -> dict[PlaneId, MaskSet]:
    """Return an object as it is painted now, on its planes along an axis.

    Parameters
    ----------
    canvas_of : callable
        Returns the labels of a plane.
    plane : PlaneId
        One of the planes; the others differ from it only along the axis.
    object_id : int
        The object.
    axis : str
        Letter of the axis.
    """
    from napari_segment_anything.engine.mask_set import MaskSet

    slices = {}
    for known in canvas_of(plane).objects.slices_of(object_id):
        place = known.plane
        if place != moved(plane, axis, _position(place, axis)):
            continue
        canvas = canvas_of(place)
        part = canvas.part_of(object_id)
        is_object = canvas.read(part) == object_id
        if is_object.any():
            crop = MaskSet.from_labels(is_object.astype(np.int32))
            slices[place] = _lying_at(crop, part, canvas.shape)
    return slices


def _lying_at(
    crop: MaskSet, part: tuple[slice, slice], shape: tuple[int, int]
) -> MaskSet:
    corner = np.array([part[0].start, part[1].start])
    return replace(
        crop,
        shape=shape,
        boxes=(crop.boxes + np.tile(corner, 2)).astype(np.int32),
        points=(crop.points + corner).astype(np.float32),
    )


def moved(plane: PlaneId, axis: str, position: int) -> PlaneId:
    """Return the plane at another position along an axis."""
    index = tuple((k, position if k == axis else v) for k, v in plane.index)
    return replace(plane, index=index)


def _position(plane: PlaneId, axis: str) -> int:
    return plane.position(axis) or 0


def _routes(
    known: list[int], span: tuple[int, int]
) -> Generator[tuple[int, range], None, None]:
    """Yield from which known position to go where; gaps are entered from both sides."""
    first, last = span
    yield known[0], range(known[0] - 1, first - 1, -1)
    for low, high in itertools.pairwise(known):
        middle = (low + high) // 2
        yield low, range(low + 1, middle + 1)
        yield high, range(high - 1, middle, -1)
        # Where one side stops early the other one may still arrive.
        yield low, range(low + 1, high)
        yield high, range(high - 1, low, -1)
    yield known[-1], range(known[-1] + 1, last + 1)


def _ask(
    source: PlaneSource,
    plane: PlaneId,
    expected: MaskSet,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: RepairSettings,
) -> MaskSet | None:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.requests import prompted_plane
    from napari_segment_anything.tracking.contradiction import Break
    from napari_segment_anything.tracking.repair import repair_frame

    with prompted_plane(source, plane, predictor, store) as asked:
        nothing = MaskSet.empty(expected.shape)
        missing = Break("missing", 0, expected, ())
        repaired = repair_frame(nothing, [missing], _Rough(asked, expected), settings)
    answer = repaired.mask_set
    if not len(answer):
        return None
    # Without points: the one that asks about the next plane is deep inside of it.
    return MaskSet.from_masks(
        answer.shape,
        answer.boxes,
        answer.masks,
        predicted_iou=answer.predicted_iou,
        stability_score=answer.stability_score,
    )


@dataclass(frozen=True, eq=False)
class _Rough:
    """Answers with the mask of the neighbouring plane as a prompt."""

    plane: PlanePredictor | StretchedPlane
    expected: MaskSet

    def predict(self, _frame: int, prompts: Prompts) -> MaskSet:
        return self.plane.answer(prompts, rough=self.expected)
