"""What deleting, merging, splitting and confirming objects change, as steps."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.commits import Commit, title_of
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.objects import AcceptedObject, Verdict
from napari_segment_anything.session.pixel_edit import PixelEdit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from napari_segment_anything.session.commits import Canvas
    from napari_segment_anything.session.history import Change
    from napari_segment_anything.session.objects import ObjectKey
    from napari_segment_anything.session.planes import PlaneId

    CanvasOf = Callable[[PlaneId], Canvas]

_CROSS = ndimage.generate_binary_structure(2, 1)


def delete(canvas_of: CanvasOf, plane: PlaneId, object_id: int) -> Commit:
    """Take an object out of all of its planes."""
    objects = canvas_of(plane).objects
    slices = objects.slices_of(object_id)
    edits = [_recoloured(canvas_of(k.plane), [object_id], 0) for k in slices]
    return Commit(
        f"deletion of object {object_id}",
        PixelEdit.joined(edits),
        {known.key: (known, None) for known in slices},
        Action(ActionKind.DELETE, plane, ids=(object_id,)),
    )


def merge(canvas_of: CanvasOf, plane: PlaneId, ids: Sequence[int]) -> Commit:
    """Give the pixels of objects, on all of their planes, to the first of them."""
    kept, *others = ids
    objects = canvas_of(plane).objects
    slices = [known for other in others for known in objects.slices_of(other)]
    kinds = [known.class_id for known in objects.slices_of(kept)]
    planes = {known.plane: canvas_of(known.plane) for known in slices}
    changes: dict[ObjectKey, Change] = {known.key: (known, None) for known in slices}
    edits = []
    for place, canvas in planes.items():
        edits.append(_recoloured(canvas, others, kept))
        part = canvas.part_of(kept, *others)
        is_object = np.isin(canvas.read(part), [kept, *others])
        if not is_object.any():
            continue  # all of it was erased by hand
        joined = [k for k in slices if k.plane == place]
        old = objects.get(kept, place)
        drawings = [k.drawing for k in ([old] if old else []) + joined]
        known = joined[0] if old is None else old
        new = _cut_out(known, is_object, part, object_id=kept)
        drawing = drawings[0]
        for other in drawings[1:]:
            drawing = drawing.joined(other)
        class_id = kinds[0] if kinds else new.class_id
        changes[new.key] = (old, replace(new, drawing=drawing, class_id=class_id))
    return Commit(
        f"merging of {len(ids)} objects",
        PixelEdit.joined(edits),
        changes,
        Action(ActionKind.MERGE, plane, ids=tuple(ids)),
    )


def split(canvas: Canvas, object_id: int, drawn: Drawing) -> Commit | None:
    """Cut an object on its plane, by lines or between points.

    Parameters
    ----------
    canvas : Canvas
        The plane.
    object_id : int
        The object.
    drawn : Drawing
        Lines or paths across the object, or a point inside of each part. Points that
        the object was made with count together as one part.

    Returns
    -------
    Commit or None
        The largest part keeps the number; None when there are no two parts.
    """
    known = canvas.objects.get(object_id, canvas.plane)
    # With a margin all around, what is beside the object is background as well.
    place = canvas.part_of(object_id, margin=1)
    before = canvas.read(place).astype(np.int32)
    mask = before == object_id
    if known is None or not mask.any():
        return None
    corner = np.array([place[0].start, place[1].start])
    parts = _parts(mask, _seeds(mask, corner, known.drawing, drawn))
    sizes = np.bincount(parts.ravel(), minlength=2)[1:]
    if np.count_nonzero(sizes) < 2:
        return None
    order = np.argsort(-sizes, kind="stable")
    after = before.copy()
    changes: dict[ObjectKey, Change] = {}
    ids = []
    for rank, number in enumerate(order[: np.count_nonzero(sizes)]):
        part = parts == number + 1
        part_id = object_id if rank == 0 else canvas.objects.next_id + rank - 1
        after[part] = part_id
        ids.append(part_id)
        new = _cut_out(known, part, place, object_id=part_id)
        old = known if rank == 0 else None
        changes[new.key] = (old, replace(new, drawing=Drawing()))
    return Commit(
        f"splitting of object {object_id}",
        canvas.edit(place, before, after),
        changes,
        Action(ActionKind.SPLIT, canvas.plane, ids=tuple(ids), drawing=drawn),
    )


def confirm(canvas: Canvas, object_id: int) -> Commit | None:
    """Say that an object is right as it is."""
    known = canvas.objects.get(object_id, canvas.plane)
    if known is None:
        return None
    nothing = np.zeros((0, 0), dtype=np.int32)
    return Commit(
        f"confirming of {title_of([object_id])}",
        canvas.edit((slice(0, 0), slice(0, 0)), nothing, nothing),
        {known.key: (known, replace(known, verdict=Verdict.ACCEPTED))},
        Action(ActionKind.JUDGE, canvas.plane, ids=(object_id,)),
    )


def _recoloured(canvas: Canvas, ids: Sequence[int], label: int) -> PixelEdit:
    part = canvas.part_of(*ids)
    before = canvas.read(part)
    return canvas.edit(part, before, np.where(np.isin(before, ids), label, before))


def _cut_out(
    known: AcceptedObject,
    is_object: npt.NDArray[np.bool_],
    part: tuple[slice, slice],
    *,
    object_id: int,
) -> AcceptedObject:
    rows, columns = ndimage.find_objects(is_object.astype(np.uint8))[0]
    return replace(
        known,
        object_id=object_id,
        corner=(part[0].start + rows.start, part[1].start + columns.start),
        mask=is_object[rows, columns].copy(),
        predicted_iou=math.nan,
        stability_score=math.nan,
        verdict=Verdict.EDITED,
    )


def _seeds(
    mask: npt.NDArray[np.bool_],
    corner: npt.NDArray[np.integer],
    known: Drawing,
    drawn: Drawing,
) -> npt.NDArray[np.int32]:
    """Return where each part begins: what lines leave over, or one part a point."""
    from skimage.draw import line

    lines = [
        outline
        for outline in drawn.outlines
        if not outline.kind.is_area
        and not any(outline.equals(own) for own in known.outlines)
    ]
    seeds = np.zeros(mask.shape, dtype=np.int32)
    if lines:
        rest = mask.copy()
        for outline in lines:
            ends = np.rint(outline.vertices).astype(int) - corner
            for start, stop in itertools.pairwise(ends):
                rows, columns = line(*start, *stop)  # type: ignore[no-untyped-call]
                is_there = (rows >= 0) & (rows < mask.shape[0])
                is_there &= (columns >= 0) & (columns < mask.shape[1])
                rest[rows[is_there], columns[is_there]] = False
        regions, _ = ndimage.label(rest, _CROSS)
        labelled: npt.NDArray[np.int32] = regions.astype(np.int32)
        return labelled
    old = {tuple(point) for point in known.points}
    number = 1
    for point in drawn.points[drawn.is_inside]:
        y, x = np.rint(point).astype(int) - corner
        if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]):
            continue
        if tuple(point) in old:
            seeds[y, x] = 1
        else:
            number += 1
            seeds[y, x] = number
    inside: npt.NDArray[np.int32] = np.where(mask, seeds, 0).astype(np.int32)
    return inside


def _parts(
    mask: npt.NDArray[np.bool_], seeds: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Grow seeds within a mask along its necks; numbers run from 1 without gaps."""
    from skimage.segmentation import watershed

    present, compact = np.unique(seeds, return_inverse=True)
    if len(present) < 3:
        return np.zeros(mask.shape, dtype=np.int32)
    depth = ndimage.distance_transform_edt(mask)
    markers = compact.reshape(mask.shape)
    grown = watershed(-depth, markers, mask=mask)  # type: ignore[no-untyped-call]
    parts: npt.NDArray[np.int32] = grown.astype(np.int32)
    return parts
