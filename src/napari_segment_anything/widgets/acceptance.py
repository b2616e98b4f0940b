"""Turns what is drawn into objects, now or as soon as its mask is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from napari_segment_anything.session.answers import SizedResponse
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.neighbours import points_of_others
from napari_segment_anything.widgets.editor import Choices
from napari_segment_anything.widgets.narrator import NO_OBJECT, accepted_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
    from napari_segment_anything.widgets.editor import Editor
    from napari_segment_anything.widgets.mask_asker import MaskAsker

_COVERED = "Other objects cover this one; tick “May overwrite” to replace them."


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


class Acceptance:
    """Accepts the masks of one image.

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
        self._is_other_way = False
        self._layers = layers
        self._session = session
        self._editor = editor
        self._asker = asker
        self._due: PlaneId | None = None

    def wanted(self, plane: PlaneId) -> Drawing:
        """Return what is asked now: in turbo mode one click at a time."""
        if self._editor.is_as_opened(plane):
            return Drawing()
        drawing = self._layers.prompts.drawing_on(plane)
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
        return self._is_turbo_click(plane, self._layers.prompts.drawing_on(plane))

    @property
    def is_due(self) -> bool:
        """Whether the mask that is still being computed is to be accepted."""
        return self._due is not None

    @property
    def can_accept(self) -> bool:
        """Whether there is a mask to accept, or an object to confirm."""
        plane = self._layers.plane
        is_open = plane is not None and self._editor.is_as_opened(plane)
        return is_open or self._session.can_accept

    @property
    def shown(self) -> Shown | None:
        """What to outline: the answer, or the object to confirm."""
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

        A mask that is still being computed is due when it arrives. With
        ``is_other_way`` this object alone may overwrite others, or may not.
        """
        self._is_other_way |= is_other_way
        plane = self._layers.plane
        if plane is None or self._asker.model is None:
            return ""
        if self._editor.is_as_opened(plane):
            confirmed = self._editor.objects.confirm(plane)
            return f"Confirmed object {confirmed}." if confirmed else ""
        wanted = self.wanted(plane)
        if not wanted.prompts.has_object:
            return ""
        response = self._session.response
        if response is None or not self._session.is_current(plane, wanted.prompts):
            self._due = plane if self._asker.is_busy else None
            return ""
        if response.masks is None or not self._session.can_accept:
            return self._refuse(plane, wanted, NO_OBJECT)
        ids = self._editor.accept(
            response, wanted, self._asker.settings, self._choices(plane, wanted)
        )
        self._is_other_way = False
        if ids:
            self.latest = ids[0]
            return accepted_message(ids)
        return self._refuse(plane, wanted, _COVERED)

    def accept_if_due(self) -> str:
        """Accept a mask that has arrived, if that was wanted before it was there."""
        due, self._due = self._due, None
        return "" if due is None else self.accept()

    def leave(self, say: Callable[[str], None]) -> None:
        """Another plane is shown now: accept there what is due when it arrives."""
        if self._due is not None:
            drawn = self.wanted(self._due)
            choices = self._choices(self._due, drawn)
            settings = self._asker.settings
            self._asker.owe(partial(self._accept_late, drawn, settings, choices, say))
        self.forget()

    def forget(self) -> None:
        """Nothing is due any more."""
        self._due = None
        self._is_other_way = False

    def _accept_late(
        self,
        drawn: Drawing,
        settings: AnswerSettings,
        choices: Choices,
        say: Callable[[str], None],
        response: MaskResponse,
    ) -> None:
        plane, masks = response.request.plane, response.masks
        is_stale = response.request.source is not self._session.source
        if is_stale or not self.wanted(plane).equals(drawn):
            return  # what is drawn was changed, or taken back
        ids = []
        if masks is not None and masks.areas.any():
            ids = self._editor.accept(response, drawn, settings, choices)
        if ids:
            say(accepted_message(ids, plane))
        else:
            say(f"Nothing was accepted on {plane.describe()}; what you drew is there.")

    def _choices(self, plane: PlaneId, wanted: Drawing) -> Choices:
        objects, continued = self._session.objects, None
        if self.is_volume and self.latest is not None and self.latest in objects:
            is_here = objects.get(self.latest, plane) is not None
            continued = None if is_here else self.latest
        return Choices(
            may_overwrite=self.may_overwrite != self._is_other_way,
            class_id=self.class_id,
            continued=continued,
            is_brief=self._is_turbo_click(plane, wanted),
        )

    def _refuse(self, plane: PlaneId, wanted: Drawing, why: str) -> str:
        if self._is_turbo_click(plane, wanted):
            self._editor.discard(plane, wanted)
        return why

    def _is_turbo_click(self, plane: PlaneId, drawing: Drawing) -> bool:
        return (
            self.is_turbo
            and len(drawing.points) > 0
            and bool(drawing.is_inside.all())
            and not drawing.outlines
            and self._session.reopened_on(plane) is None
        )
