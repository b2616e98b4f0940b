"""What accepting, deleting and painting by hand change, as steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.session.objects import AcceptedObject
from napari_segment_anything.session.painting import erase_object, paint_masks
from napari_segment_anything.session.pixel_edit import of_plane
from napari_segment_anything.session.record import Action, ActionKind

if TYPE_CHECKING:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.history import Change
    from napari_segment_anything.session.objects import ObjectRegister
    from napari_segment_anything.session.painting import Painted, Read
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.planes import PlaneId


@dataclass(frozen=True, eq=False)
class Commit:
    """A change of labels and objects that was worked out but not made yet.

    Parameters
    ----------
    pixels : PixelEdit
        Labels before and after.
    objects : dict of int to tuple
        What is known of each object that changes, before and after.
    action : Action
        How it is written down.
    """

    pixels: PixelEdit
    objects: dict[int, Change]
    action: Action

    @property
    def title(self) -> str:
        """The objects that it makes, in words."""
        ids = self.action.ids
        if len(ids) == 1:
            return f"object {ids[0]}"
        return f"objects {min(ids)} to {max(ids)}"


@dataclass(frozen=True, eq=False)
class Canvas:
    """The labels of one plane, as far as painting needs them.

    Parameters
    ----------
    plane : PlaneId
        The plane.
    axes : str
        One letter per dimension of the labels.
    read : callable
        Reads a part of the plane.
    objects : ObjectRegister
        The objects that are known.
    """

    plane: PlaneId
    axes: str
    read: Read
    objects: ObjectRegister

    def accept(
        self,
        masks: MaskSet,
        drawing: Drawing,
        settings: AnswerSettings,
        *,
        model_digest: str,
        may_overwrite: bool = False,
        replaced: int | None = None,
    ) -> Commit | None:
        """Paint the masks of what was drawn; None when there is no pixel for them."""
        old = self.objects.get(replaced) if replaced is not None else None
        painted = paint_masks(
            masks,
            self.read,
            first_id=self.objects.next_id,
            may_overwrite=may_overwrite,
            replaced=old,
        )
        if not painted.ids:
            return None
        scores = tuple(float(masks.predicted_iou[n]) for n in painted.ids)
        action = Action(
            ActionKind.ACCEPT,
            self.plane,
            ids=tuple(painted.ids.values()),
            predicted_iou=scores,
            model_digest=model_digest,
            drawing=drawing,
            settings=settings,
            may_overwrite=may_overwrite,
            replaced=old.object_id if old is not None else None,
        )
        return self._commit(painted, action, drawing.split())

    def add_found(self, masks: MaskSet, *, model_digest: str) -> Commit | None:
        """Paint what everything mode found, where nothing is yet."""
        from napari_segment_anything.session.drawing import Drawing

        painted = paint_masks(masks, self.read, first_id=self.objects.next_id)
        if not painted.ids:
            return None
        action = Action(
            ActionKind.EVERYTHING,
            self.plane,
            ids=tuple(painted.ids.values()),
            predicted_iou=tuple(float(masks.predicted_iou[n]) for n in painted.ids),
            model_digest=model_digest,
        )
        return self._commit(painted, action, [Drawing()] * len(masks))

    def delete(self, object_id: int, shape: tuple[int, int]) -> Commit:
        """Take an object out of a plane of this shape."""
        painted = erase_object(object_id, self.read, shape)
        action = Action(ActionKind.DELETE, self.plane, ids=(object_id,))
        pixels = of_plane(
            self.plane, self.axes, painted.corner, painted.before, painted.after
        )
        return Commit(pixels, {object_id: (self.objects.get(object_id), None)}, action)

    def _commit(
        self, painted: Painted, action: Action, drawings: list[Drawing]
    ) -> Commit:
        objects: dict[int, Change] = {}
        for (number, object_id), iou in zip(
            painted.ids.items(), action.predicted_iou, strict=True
        ):
            corner, mask = painted.mask_of(object_id)
            accepted = AcceptedObject(
                object_id=object_id,
                plane=self.plane,
                drawing=drawings[number],
                predicted_iou=iou,
                model_digest=action.model_digest,
                corner=corner,
                mask=mask,
            )
            objects[object_id] = (self.objects.get(object_id), accepted)
        pixels = of_plane(
            self.plane, self.axes, painted.corner, painted.before, painted.after
        )
        return Commit(pixels, objects, action)
