"""Turns what is drawn into objects, now or as soon as its mask is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from napari_segment_anything.session.answers import SizedResponse
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.neighbours import points_of_others
from napari_segment_anything.session.reopening import less
from napari_segment_anything.widgets.editor import Choices
from napari_segment_anything.widgets.narrator import NO_OBJECT, accepted_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.object_register import ObjectRegister
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.editor import Editor
    from napari_segment_anything.widgets.mask_asker import MaskAsker

_COVERED = (
    "Other objects cover this one, or most of it; tick “May overwrite” to replace them."
)
_OTHER_IMAGE = "The image has changed since; nothing was accepted."


@dataclass(frozen=True, eq=False)
class Shown:
    """Masks to outline.

    Parameters
    ----------
    masks : MaskSet
        Those that an accept takes.
    plane : PlaneId
        Where they lie.
    others : MaskSet or None
        Those of other sizes, one key apart.
    """

    masks: MaskSet
    plane: PlaneId
    others: MaskSet | None = None


@dataclass(frozen=True, eq=False)
class _Due:
    """What is to be accepted as soon as its mask is there, and how."""

    plane: PlaneId
    drawing: Drawing
    settings: AnswerSettings
    choices: Choices
    is_volume: bool


class Acceptance:
    """Accepts the masks of one image.

    An accept belongs to what is drawn at that moment: when the mask is not there yet,
    it is accepted as soon as it arrives, whatever is drawn or shown by then.

    Parameters
    ----------
    layers, session, editor, asker : AnnotationLayers, Session, Editor, MaskAsker
        Where it is drawn, remembered, changed and asked.

    Attributes
    ----------
    may_overwrite : bool
        Whether an object may take pixels of others.
    is_turbo : bool
        Whether each click is an object.
    is_volume : bool
        Whether what is accepted on one plane after the other is one object.
    class_id : int
        Which kind of thing new objects are.
    latest : int or None
        The object that was accepted last.
    on_arrival : callable
        Is told in words what came of a mask that was due.
    """

    def __init__(
        self,
        layers: AnnotationLayers,
        session: Session,
        editor: Editor,
        asker: MaskAsker,
    ) -> None:
        self.may_overwrite = False
        self.is_turbo = False
        self.is_volume = False
        self.class_id = 1
        self.latest: int | None = None
        self.on_arrival: Callable[[str], object] = str
        self._layers = layers
        self._session = session
        self._editor = editor
        self._asker = asker
        self._due: list[_Due] = []

    def wanted(self, plane: PlaneId) -> Drawing:
        """Return what is asked now: in turbo mode one click at a time."""
        if self._editor.is_as_opened(plane):
            return Drawing()
        drawing = self._drawn_on(plane)
        if self._is_turbo_click(plane, drawing):
            return Drawing(drawing.points[:1], drawing.is_inside[:1])
        return drawing

    def asked(self, plane: PlaneId) -> PlanePrompts:
        """Return the prompts of what is wanted, with objects nearby if they count."""
        prompts = self.wanted(plane).prompts
        if not self._asker.settings.others_are_out:
            return prompts
        others = self._editor.others_on(plane)
        return replace(prompts, others=points_of_others(others, prompts))

    def has_turbo_click(self, plane: PlaneId) -> bool:
        """Whether a click is drawn that is an object by itself."""
        return self._is_turbo_click(plane, self._drawn_on(plane))

    @property
    def may_reopen(self) -> bool:
        """Whether a first click on a finished object means that object."""
        return not (self.is_turbo or self._asker.is_resting)

    @property
    def is_due(self) -> bool:
        """Whether masks that are still being computed are to be accepted."""
        return bool(self._due)

    @property
    def can_accept(self) -> bool:
        """Whether there is a mask to accept, now or soon, or an object to confirm."""
        plane = self._layers.plane
        if plane is None:
            return False
        is_ready = self._session.can_accept or self._editor.is_as_opened(plane)
        return is_ready or (
            self._asker.is_busy and self.wanted(plane).prompts.has_object
        )

    @property
    def shown(self) -> Shown | None:
        """What to outline: the answer, or the object to confirm."""
        if self._asker.is_resting:
            return None
        response, plane = self._session.response, self._layers.plane
        if response is not None and response.masks is not None:
            others = None
            if isinstance(response, SizedResponse):
                others = response.other_sizes
            return Shown(response.masks, response.request.plane, others)
        known = None if plane is None else self._editor.open_on(plane)
        if known is None or not self._editor.is_as_opened(known.plane):
            return None
        shape = self._session.source.plane_shape(known.plane)
        return Shown(known.as_mask(shape), known.plane)

    def accept(self, *, is_other_way: bool = False) -> str:
        """Turn the mask of what is drawn into an object; return what to say of it.

        Nothing is said of a mask that is due. With ``is_other_way`` this object alone
        may overwrite others, or may not.
        """
        plane = self._layers.plane
        if plane is None or self._asker.model is None:
            return ""
        if self._editor.is_as_opened(plane):
            confirmed = self._editor.objects.confirm(plane)
            return f"Confirmed object {confirmed}." if confirmed else ""
        wanted = self.wanted(plane)
        if not wanted.prompts.has_object:
            return ""
        choices = Choices(
            may_overwrite=self.may_overwrite != is_other_way,
            class_id=self.class_id,
            opened=self._opened_on(plane),
            is_brief=self._is_turbo_click(plane, wanted),
        )
        due = _Due(plane, wanted, self._asker.settings, choices, self.is_volume)
        response = self._session.response
        if response is None or not self._session.is_current(plane, wanted.prompts):
            # Before it is due: afterwards other things are wanted.
            prompts = self.asked(plane)
            if self._asker.owe(plane, prompts, partial(self._arrive, due)):
                self._due.append(due)
            return ""
        return self._finish(due, response)

    def _arrive(self, due: _Due, response: MaskResponse | None) -> None:
        # To change what is drawn would end a box that is being dragged.
        self._layers.prompts.when_finished(partial(self._settle, due, response))

    def _settle(self, due: _Due, response: MaskResponse | None) -> None:
        if due not in self._due:
            return
        self._due.remove(due)
        is_there = less(self._drawn_on(due.plane), due.drawing) is not None
        if response is None or not is_there:
            words = ""  # it failed, was changed or taken back
        elif response.request.source is not self._session.source:
            words = _OTHER_IMAGE
        else:
            words = self._finish(due, response)
        if words and due.plane != self._layers.plane:
            words = f"{due.plane.describe()}: {words}"
        if words:
            self.on_arrival(words)

    def _finish(self, due: _Due, response: MaskResponse) -> str:
        plane, masks = due.plane, response.masks
        if masks is None or not masks.areas.any():
            return self._refuse(due, NO_OBJECT)
        goes_on = due.is_volume and _goes_on(self._session.objects, self.latest, plane)
        choices = replace(due.choices, continued=self.latest if goes_on else None)
        ids = self._editor.accept(response, due.drawing, due.settings, choices)
        if not ids:
            return self._refuse(due, _COVERED)
        self.latest = ids[0]
        return accepted_message(ids)

    def _opened_on(self, plane: PlaneId) -> int | None:
        """Return the object that is open, unless it is due already."""
        opened = self._session.reopened_on(plane)
        are_due = [due.choices.opened for due in self._due if due.plane == plane]
        return None if opened in are_due else opened

    def _refuse(self, due: _Due, why: str) -> str:
        if due.choices.is_brief:
            self._editor.discard(due.plane, due.drawing)
        return why

    def _drawn_on(self, plane: PlaneId) -> Drawing:
        """Return what is drawn on a plane, less what is due already."""
        drawing = self._layers.prompts.drawing_on(plane)
        for due in self._due:
            if due.plane == plane:
                rest = less(drawing, due.drawing)
                drawing = drawing if rest is None else rest
        return drawing

    def _is_turbo_click(self, plane: PlaneId, drawing: Drawing) -> bool:
        return (
            self.is_turbo
            and not self._asker.is_resting
            and len(drawing.points) > 0
            and bool(drawing.is_inside.all())
            and not drawing.outlines
            and self._session.reopened_on(plane) is None
        )


def _goes_on(objects: ObjectRegister, known: int | None, plane: PlaneId) -> bool:
    """Whether an object lies on other planes, and not yet on this one."""
    return known is not None and known in objects and objects.get(known, plane) is None
