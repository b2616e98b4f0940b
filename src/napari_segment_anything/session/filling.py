"""What everything mode and its filters change on a plane, as a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.commits import Commit
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.objects import AcceptedObject, Verdict
from napari_segment_anything.session.painting import keep_free_objects
from napari_segment_anything.session.review import identities
from napari_segment_anything.session.sheet import Sheet

if TYPE_CHECKING:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.commits import Canvas
    from napari_segment_anything.session.history import Change, FilterChange
    from napari_segment_anything.session.objects import ObjectKey
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.review import Passing


def fill(canvas: Canvas, passing: Passing, *, class_id: int = 1) -> Commit:
    """Paint what passes a filter now where nothing is yet, take out what does not.

    Objects that somebody has looked at, edited or painted on stay. Only the boxes of
    objects that come or go are read.

    Parameters
    ----------
    canvas : Canvas
        The plane.
    passing : Passing
        What a filter changes.
    class_id : int, optional
        Which kind of thing new objects are.
    """
    sheet = Sheet(canvas)
    removed = [
        known
        for known in canvas.objects.on(canvas.plane)
        if known.candidate is not None
        and known.verdict == Verdict.UNSEEN
        and known.candidate not in passing.identities
        and _is_untouched(known, canvas, sheet)
    ]
    for known in removed:
        part = canvas.part_of(known.object_id)
        labels = sheet.read(part)
        sheet.write(part, np.where(labels == known.object_id, 0, labels))
    free = keep_free_objects(passing.new, sheet.read)
    changes: dict[ObjectKey, Change] = {known.key: (known, None) for known in removed}
    new = _painted(free, canvas, sheet, passing.candidates.model_digest, class_id)
    changes |= {one.key: (None, one) for one in new}
    action = Action(
        ActionKind.EVERYTHING,
        canvas.plane,
        ids=tuple(one.object_id for one in new),
        predicted_iou=tuple(one.predicted_iou for one in new),
        model_digest=passing.candidates.model_digest,
        class_id=class_id,
        filters=passing.filters,
        removed=tuple(known.object_id for known in removed),
    )
    filters: dict[PlaneId, FilterChange] = {canvas.plane: passing.filters}
    title = "everything mode" if passing.filters[0] is None else "filter"
    return Commit(title, sheet.edit(), changes, action, filters)


def _painted(
    masks: MaskSet, canvas: Canvas, sheet: Sheet, digest: str, class_id: int
) -> list[AcceptedObject]:
    """Paint masks where nothing is yet; those without any free pixel get no id."""
    objects: list[AcceptedObject] = []
    for number, candidate in enumerate(identities(masks)):
        part = masks.slices(number)
        labels = sheet.read(part)
        is_new = masks.masks[number] & (labels == 0)
        if not is_new.any():
            continue
        object_id = canvas.objects.next_id + len(objects)
        labels[is_new] = object_id
        sheet.write(part, labels)
        rows, columns = (np.flatnonzero(is_new.any(axis=axis)) for axis in (1, 0))
        objects.append(
            AcceptedObject(
                object_id=object_id,
                plane=canvas.plane,
                drawing=Drawing(),
                predicted_iou=float(masks.predicted_iou[number]),
                model_digest=digest,
                corner=(part[0].start + int(rows[0]), part[1].start + int(columns[0])),
                mask=is_new[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1],
                stability_score=float(masks.stability_score[number]),
                verdict=Verdict.UNSEEN,
                class_id=class_id,
                candidate=candidate,
            )
        )
    return objects


def _is_untouched(known: AcceptedObject, canvas: Canvas, sheet: Sheet) -> bool:
    """Whether nobody has painted or erased in an object since it was made."""
    part = canvas.part_of(known.object_id)
    is_object = sheet.read(part) == known.object_id
    y, x = np.subtract(known.corner, (part[0].start, part[1].start))
    height, width = known.mask.shape
    n_pixels = np.count_nonzero(known.mask)
    inside = is_object[y : y + height, x : x + width] & known.mask
    return bool(np.count_nonzero(inside) == n_pixels == np.count_nonzero(is_object))
