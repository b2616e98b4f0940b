"""What accepting changes, as steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.actions import Action, ActionKind, points_of
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.objects import AcceptedObject
from napari_segment_anything.session.painting import Replaced, paint_masks
from napari_segment_anything.session.pixel_edit import PixelEdit, of_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.history import Change, FilterChange
    from napari_segment_anything.session.object_register import ObjectRegister
    from napari_segment_anything.session.objects import ObjectKey
    from napari_segment_anything.session.painting import Painted, Read
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.prompt_jobs import PromptedPlane


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

    def part_of(self, *ids: int, margin: int = 0) -> tuple[slice, slice]:
        """Return the part of the plane that holds every pixel of objects.

        Parameters
        ----------
        *ids : int
            The objects; of unknown ones nothing.
        margin : int, optional
            Pixels more on each side, as far as the plane reaches.
        """
        boxes = [self.objects.extents.box(i, self.plane) for i in ids]
        there = np.array([box for box in boxes if box is not None]).reshape(-1, 4)
        if not len(there):
            return slice(0, 0), slice(0, 0)
        low = np.maximum(there[:, :2].min(axis=0) - margin, 0)
        high = np.minimum(there[:, 2:].max(axis=0) + margin, self.shape)
        rows, columns = zip(low.tolist(), high.tolist(), strict=True)
        return slice(*rows), slice(*columns)

    def edit(
        self,
        part: tuple[slice, slice],
        before: npt.NDArray[np.integer],
        after: npt.NDArray[np.integer],
    ) -> PixelEdit:
        """Return the edit between two states of a part of the plane."""
        corner = int(part[0].start), int(part[1].start)
        return of_plane(self.plane, self.axes, corner, before, after)

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
        others: npt.ArrayLike = (),
    ) -> Commit | None:
        """Paint the masks of what was drawn; None when there is no pixel for them.

        An id to replace that is not on this plane yet is that of an object of other
        planes, which goes on here. ``others`` are points (K, 2) of other objects that
        counted as outside.
        """
        painted = paint_masks(
            masks,
            self.read,
            first_id=self.objects.next_id,
            may_overwrite=may_overwrite,
            replaced=self._replaced(replaced),
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
            others=points_of(np.asarray(others)),
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
            others_of_each=tuple(map(points_of, answered.others))
            if any(map(len, answered.others))
            else (),
            settings=answered.settings,
            may_overwrite=may_overwrite,
            class_id=class_id,
        )
        return self.commit(painted, answered.masks, action, answered.drawings)

    def commit(
        self,
        painted: Painted,
        masks: MaskSet,
        action: Action,
        drawings: Sequence[Drawing],
    ) -> Commit:
        """Return what was painted with all that is known of its objects."""
        objects: dict[ObjectKey, Change] = {}
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
                class_id=action.class_id if old is None else old.class_id,
            )
            objects[new.key] = (old, new)
        pixels = of_plane(
            self.plane, self.axes, painted.corner, painted.before, painted.after
        )
        return Commit(title_of(action.ids), pixels, objects, action)

    def _replaced(self, object_id: int | None) -> Replaced | None:
        known = self.objects.get(object_id, self.plane)
        if known is None:
            return None
        return Replaced(known, self.part_of(known.object_id))


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
    for known in canvases[0][0].objects.slices_of(object_id) if canvases else []:
        # It is the same kind of thing on every plane.
        action = replace(action, class_id=known.class_id)
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


def _scores_of(masks: MaskSet, painted: Painted) -> tuple[float, ...]:
    return tuple(float(masks.predicted_iou[number]) for number in painted.ids)
