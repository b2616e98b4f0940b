"""Acts on finished objects and says what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.widgets.narrator import (
    STILL_DUE,
    UNSAVED,
    deleted_message,
    doubtful_message,
    merged_message,
    opened_message,
    split_message,
)

if TYPE_CHECKING:
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.carry import Carried
    from napari_segment_anything.session.objects import AcceptedObject, ObjectKey
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.prompt_jobs import PromptedPlane
    from napari_segment_anything.session.review import Candidates
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.acceptance import Acceptance
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.editor import Editor


class Reviser(QObject):
    """Walks through objects, deletes, merges, splits, carries and reviews them.

    Parameters
    ----------
    layers, session, editor, acceptance : AnnotationLayers, Session, Editor, Acceptance
        Of one image.

    Attributes
    ----------
    found : dict of PlaneId to Candidates
        What everything mode found.
    """

    said = Signal(str)

    def __init__(
        self,
        layers: AnnotationLayers,
        session: Session,
        editor: Editor,
        acceptance: Acceptance,
    ) -> None:
        super().__init__()
        self.found: dict[PlaneId, Candidates] = {}
        self._layers = layers
        self._session = session
        self._editor = editor
        self._acceptance = acceptance
        self._carried: int | None = None
        self._reviewed: ObjectKey | None = None

    @property
    def can_delete(self) -> bool:
        """Whether a finished object is open again on the plane that is shown."""
        return self.open_object() is not None

    def delete(self) -> None:
        """Delete the object that is open again."""
        plane, known = self._layers.plane, self.open_object()
        deleted = self._editor.objects.delete(plane) if plane is not None else None
        self.said.emit(deleted_message(deleted))
        if deleted is not None:
            self.go_on(known)

    def merge(self) -> None:
        """Join the open object with those that the points lie on."""
        plane = self._layers.plane
        ids = self._editor.objects.merge(plane) if plane is not None else []
        self.said.emit(merged_message(ids))

    def split(self) -> None:
        """Cut the open object between points, or along a line."""
        plane = self._layers.plane
        ids = self._editor.objects.split(plane) if plane is not None else []
        self.said.emit(split_message(ids))

    def walk(self, direction: int) -> None:
        """Open the next or the previous object again."""
        if not self._must_stay():
            known = self._step_in(self._session.objects.in_order(), direction)
            self.said.emit(opened_message(known))

    def walk_doubtful(self) -> None:
        """Open the most doubtful object that nobody has looked at."""
        if self._must_stay():
            return
        plane = self._layers.plane
        known = self._step_in(self._session.objects.doubtful(plane), 1)
        n_left = len(self._session.objects.doubtful(plane))
        self.said.emit(doubtful_message(known, n_left))
        self._reviewed = None if known is None else known.key
        if known is not None:
            self._layers.look_at(known)

    def go_on(self, known: AcceptedObject | None) -> None:
        """Open the next doubtful object when it was one that is done now."""
        if known is None or known.key != self._reviewed:
            return
        if self._session.objects.doubtful(known.plane):
            self.walk_doubtful()
        else:
            self.said.emit(doubtful_message(None, 0))

    def accept_many(self, answered: PromptedPlane) -> list[int]:
        """Turn masks of many prompts into objects; return their ids."""
        return self._editor.objects.accept_many(
            answered,
            may_overwrite=self._acceptance.may_overwrite,
            class_id=self._acceptance.class_id,
        )

    def carried_slices(self, axis: str) -> dict[PlaneId, MaskSet]:
        """Return the open or latest object on its planes along an axis."""
        plane, known = self._layers.plane, self.open_object()
        self._carried = known.object_id if known else self._acceptance.latest
        if plane is None or self._carried is None:
            return {}
        return self._editor.objects.slices_of(plane, self._carried, axis)

    def add_carried(
        self, found: Carried, plane: PlaneId, settings: AnswerSettings
    ) -> int:
        """Paint an object on the planes it was carried to; return how many."""
        if self._carried is None:
            return 0
        return self._editor.objects.add_carried(found, plane, self._carried, settings)

    def open_object(self) -> AcceptedObject | None:
        """Return the object that is open on the plane that is shown."""
        plane = self._layers.plane
        return None if plane is None else self._editor.open_on(plane)

    def _step_in(
        self, objects: list[AcceptedObject], direction: int
    ) -> AcceptedObject | None:
        """Open the object after the one that is open, in a circle."""
        if not objects:
            return None
        open_one, target = self.open_object(), 0 if direction > 0 else len(objects) - 1
        for number, known in enumerate(objects):
            if open_one is not None and known.key == open_one.key:
                target = (number + direction) % len(objects)
        self._editor.reopen(objects[target], leave=self._layers.plane)
        return objects[target]

    def _must_stay(self) -> bool:
        plane = self._layers.plane
        has_unsaved = plane is not None and self._editor.has_unsaved(plane)
        if has_unsaved:
            self.said.emit(UNSAVED)
        elif self._acceptance.is_due:
            # To open another object would take the prompts of what is due away.
            self.said.emit(STILL_DUE)
        return has_unsaved or self._acceptance.is_due
