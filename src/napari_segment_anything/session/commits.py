"""What accepting and everything mode change, as steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.objects import AcceptedObject, Verdict
from napari_segment_anything.session.painting import keep_free_objects, paint_masks
from napari_segment_anything.session.pixel_edit import PixelEdit, of_plane
from napari_segment_anything.session.review import identities

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.history import Change, FilterChange
    from napari_segment_anything.session.objects import ObjectKey, ObjectRegister
    from napari_segment_anything.session.painting import Painted, Read
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.prompt_jobs import PromptedPlane
    from napari_segment_anything.session.review import Passing


@dataclass(frozen=True, eq=False)
class Commit:
    """A change of labels and objects that was worked out but not made yet.

    Parameters
    ----------
    title : str
        What it is, as a noun for a sentence.
    pixels : PixelEdit
        Labels before and after.
    objects : dict of (int, PlaneId) to tuple
        What is known of each object that changes, before and after.
    action : Action
        How it is written down.
    filters : dict of PlaneId to tuple
        What everything mode lets pass, before and after.
    """

    title: str
    pixels: PixelEdit
    objects: dict[ObjectKey, Change]
    action: Action
    filters: dict[PlaneId, FilterChange] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Canvas:
    """The labels of one plane, as far as painting needs them.

    Parameters
    ----------
    plane : PlaneId
        The plane.
    axes : str
        One letter per dimension of the labels.
    shape : tuple of int
        Rows and columns of the plane.
    read : callable
        Reads a part of the plane.
    objects : ObjectRegister
        The objects that are known.
    """

    plane: PlaneId
    axes: str
    shape: tuple[int, int]
    read: Read
    objects: ObjectRegister

    def labels(self) -> npt.NDArray[np.int32]:
        """Read the whole plane."""
        height, width = self.shape
        return self.read((slice(0, height), slice(0, width))).astype(np.int32)

    def edit(
        self, before: npt.NDArray[np.int32], after: npt.NDArray[np.int32]
    ) -> PixelEdit:
        """Return the edit between two states of the whole plane."""
        return of_plane(self.plane, self.axes, (0, 0), before, after)

    def accept(
        self,
        masks: MaskSet,
        drawing: Drawing,
        settings: AnswerSettings,
        *,
        model_digest: str,
        may_overwrite: bool = False,
        replaced: int | None = None,
        class_id: int = 1,
    ) -> Commit | None:
        """Paint the masks of what was drawn; None when there is no pixel for them.

        An id to replace that is not on this plane yet is that of an object of other
        planes, which goes on here.
        """
        painted = paint_masks(
            masks,
            self.read,
            first_id=self.objects.next_id,
            may_overwrite=may_overwrite,
            replaced=self.objects.get(replaced, self.plane),
            continued=replaced,
        )
        if not painted.ids:
            return None
        action = Action(
            ActionKind.ACCEPT,
            self.plane,
            ids=tuple(painted.ids.values()),
            predicted_iou=_scores_of(masks, painted),
            model_digest=model_digest,
            drawing=drawing,
            settings=settings,
            may_overwrite=may_overwrite,
            replaced=replaced,
            class_id=class_id,
        )
        return self.commit(painted, masks, action, drawing.split())

    def accept_many(
        self,
        answered: PromptedPlane,
        *,
        may_overwrite: bool = False,
        class_id: int = 1,
    ) -> Commit | None:
        """Paint masks that were each asked for with a drawing of its own."""
        painted = paint_masks(
            answered.masks,
            self.read,
            first_id=self.objects.next_id,
            may_overwrite=may_overwrite,
        )
        if not painted.ids:
            return None
        action = Action(
            ActionKind.PROMPTS,
            self.plane,
            ids=tuple(painted.ids.values()),
            predicted_iou=_scores_of(answered.masks, painted),
            model_digest=answered.model_digest,
            drawings=answered.drawings,
            settings=answered.settings,
            may_overwrite=may_overwrite,
            class_id=class_id,
        )
        return self.commit(painted, answered.masks, action, answered.drawings)

    def fill(self, passing: Passing, *, class_id: int = 1) -> Commit:
        """Paint what passes a filter now where nothing is yet, take out what does not.

        Objects that somebody has looked at, edited or painted on stay.
        """
        before = self.labels()
        removed = [
            known
            for known in self.objects.on(self.plane)
            if known.candidate is not None
            and known.verdict == Verdict.UNSEEN
            and known.candidate not in passing.identities
            and is_untouched(known, before)
        ]
        gone = [known.object_id for known in removed]
        after = np.where(np.isin(before, gone), 0, before) if gone else before.copy()
        free = keep_free_objects(passing.new, after)
        painted = paint_masks(
            free, lambda part: after[part], first_id=self.objects.next_id
        )
        _put(painted, after)
        action = Action(
            ActionKind.EVERYTHING,
            self.plane,
            ids=tuple(painted.ids.values()),
            predicted_iou=_scores_of(free, painted),
            model_digest=passing.candidates.model_digest,
            class_id=class_id,
            filters=passing.filters,
            removed=tuple(gone),
        )
        made = self.commit(
            painted,
            free,
            action,
            [Drawing()] * len(free),
            candidates=identities(free),
        )
        changes: dict[ObjectKey, Change] = {k.key: (k, None) for k in removed}
        return Commit(
            "everything mode",
            self.edit(before, after),
            changes | made.objects,
            action,
            {self.plane: passing.filters},
        )

    def commit(
        self,
        painted: Painted,
        masks: MaskSet,
        action: Action,
        drawings: Sequence[Drawing],
        candidates: Sequence[tuple[float, ...]] | None = None,
    ) -> Commit:
        """Return what was painted with all that is known of its objects."""
        objects: dict[ObjectKey, Change] = {}
        is_found = candidates is not None
        for number, object_id in painted.ids.items():
            corner, mask = painted.mask_of(object_id)
            old = self.objects.get(object_id, self.plane)
            new = AcceptedObject(
                object_id=object_id,
                plane=self.plane,
                drawing=drawings[number],
                predicted_iou=float(masks.predicted_iou[number]),
                model_digest=action.model_digest,
                corner=corner,
                mask=mask,
                stability_score=float(masks.stability_score[number]),
                verdict=Verdict.UNSEEN if is_found else Verdict.EDITED,
                class_id=action.class_id if old is None else old.class_id,
                candidate=candidates[number] if candidates is not None else None,
            )
            objects[new.key] = (old, new)
        pixels = of_plane(
            self.plane, self.axes, painted.corner, painted.before, painted.after
        )
        return Commit(title_of(action.ids), pixels, objects, action)


def carried(
    canvases: Sequence[tuple[Canvas, MaskSet]], action: Action
) -> Commit | None:
    """Paint an object on the planes that it was carried to, where nothing is yet.

    Parameters
    ----------
    canvases : sequence of (Canvas, MaskSet)
        Each plane with the one mask on it.
    action : Action
        How it is written down; its only id is that of the object.
    """
    (object_id,) = action.ids
    edits, objects = [], {}
    for canvas, mask in canvases:
        painted = paint_masks(
            mask, canvas.read, first_id=object_id, continued=object_id
        )
        if painted.ids:
            made = canvas.commit(painted, mask, action, [Drawing()])
            edits.append(made.pixels)
            objects.update(made.objects)
    if not edits:
        return None
    title = f"carrying of object {object_id}"
    return Commit(title, PixelEdit.joined(edits), objects, action)


def title_of(ids: Sequence[int]) -> str:
    """Return objects in words."""
    if not ids:
        return "objects"
    return f"object {ids[0]}" if len(ids) == 1 else f"objects {min(ids)} to {max(ids)}"


def is_untouched(known: AcceptedObject, labels: npt.NDArray[np.int32]) -> bool:
    """Whether nobody has painted or erased in an object since it was made."""
    (y, x), (height, width) = known.corner, known.mask.shape
    is_object = labels == known.object_id
    n_pixels = np.count_nonzero(known.mask)
    inside = is_object[y : y + height, x : x + width] & known.mask
    return bool(np.count_nonzero(inside) == n_pixels == np.count_nonzero(is_object))


def _scores_of(masks: MaskSet, painted: Painted) -> tuple[float, ...]:
    return tuple(float(masks.predicted_iou[number]) for number in painted.ids)


def _put(painted: Painted, labels: npt.NDArray[np.int32]) -> None:
    (top, left), (height, width) = painted.corner, painted.after.shape
    labels[top : top + height, left : left + width] = painted.after
