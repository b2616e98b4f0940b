"""The state of annotating one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_segment_anything.session.history import History
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.record import Record
from napari_segment_anything.session.requests import MaskRequest

if TYPE_CHECKING:
    from napari_segment_anything.session.actions import Action
    from napari_segment_anything.session.history import Step
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.session.review import ReviewFilter


class Session:
    """Which masks are wanted, which are shown, and what was accepted.

    Belongs to one image in one viewer; two sessions share nothing. Not thread-safe:
    only the thread that shows the result calls it.

    Parameters
    ----------
    source : PlaneSource
        The image.
    """

    response_changed = Signal()
    """The masks to show have changed, or there are none any more."""

    accepted_changed = Signal()
    """Something was done, undone or done again."""

    def __init__(self, source: PlaneSource) -> None:
        self.source = source
        self.objects = ObjectRegister()
        self._reopened: dict[PlaneId, int] = {}
        self._filters: dict[PlaneId, ReviewFilter] = {}
        self._history = History()
        self._actions: list[Action] = []
        self._saved: tuple[Action, ...] = ()
        self._latest_number = 0
        self._response: MaskResponse | None = None

    @property
    def response(self) -> MaskResponse | None:
        """The answer that is shown: never one that newer prompts made stale."""
        return self._response

    @property
    def can_accept(self) -> bool:
        """Whether there is a mask to accept."""
        masks = self._response.masks if self._response else None
        return masks is not None and bool(masks.areas.any())

    @property
    def can_undo(self) -> bool:
        """Whether a step can be taken back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a step that was taken back can be done again."""
        return self._history.can_redo

    @property
    def has_actions(self) -> bool:
        """Whether anything was done that a record would hold."""
        return bool(self._actions)

    @property
    def is_unsaved(self) -> bool:
        """Whether the record that was saved last lacks something, or holds too much."""
        return tuple(self._actions) != self._saved

    def note_saved(self, record: Record) -> None:
        """Remember that a record was saved."""
        self._saved = record.actions

    def ask(self, plane: PlaneId, prompts: PlanePrompts) -> MaskRequest:
        """Return a request with a new number, which makes all earlier ones stale.

        A mask that no longer fits what is drawn is dropped at once, while one of the
        same plane stays until its successor arrives, so that a preview does not
        flicker.
        """
        self._latest_number += 1
        shown = self._response
        if shown is not None and (
            shown.request.plane != plane or not prompts.has_object
        ):
            self._show(None)
        return MaskRequest(self._latest_number, self.source, plane, prompts)

    def receive(self, response: MaskResponse) -> bool:
        """Take an answer; return whether it is the latest one's and so is shown."""
        request = response.request
        if request.number != self._latest_number or request.source is not self.source:
            return False
        self._show(response if response.masks is not None else None)
        return True

    def is_current(self, plane: PlaneId | None, prompts: PlanePrompts) -> bool:
        """Whether the masks shown were asked for with exactly these prompts."""
        shown = self._response
        return (
            shown is not None
            and shown.request.plane == plane
            and shown.request.number == self._latest_number
            and shown.request.prompts.equals(prompts)
        )

    def drop(self) -> None:
        """Forget the masks shown and every request that is still on its way."""
        self._latest_number += 1
        self._show(None)

    def change_source(self, source: PlaneSource) -> None:
        """Go on with another image, or with the same one read differently."""
        self.source = source
        self.drop()

    def do(self, step: Step) -> None:
        """Remember what the user did, and what it changed.

        The caller has changed the layers already.
        """
        self._history.add(step)
        self._take_over(step)
        if step.action is not None:
            self._actions.append(step.action)
        self.accepted_changed.emit()

    def undo(self) -> Step | None:
        """Take the newest step back.

        Returns
        -------
        Step or None
            What the caller must do to the layers; None when there is nothing to undo.
        """
        step = self._history.undo()
        if step is None:
            return None
        if step.action is not None:
            self._actions.pop()
        self._take_over(step.inverse)
        self.accepted_changed.emit()
        return step.inverse

    def redo(self) -> Step | None:
        """Do the step again that was undone last; as for `undo`."""
        step = self._history.redo()
        if step is None:
            return None
        if step.action is not None:
            self._actions.append(step.action)
        self._take_over(step)
        self.accepted_changed.emit()
        return step

    def reopened_on(self, plane: PlaneId) -> int | None:
        """Return the object that is open again on a plane, None for none."""
        return self._reopened.get(plane)

    def filter_on(self, plane: PlaneId) -> ReviewFilter | None:
        """Return what everything mode lets pass on a plane, None before it ran."""
        return self._filters.get(plane)

    @property
    def newest(self) -> Step | None:
        """The step that would be taken back."""
        return self._history.newest

    def record(self, shape: tuple[int, ...]) -> Record:
        """Return all that was done to labels of this shape, as far as not undone."""
        source = self.source
        return Record(
            source.name, source.axes, shape, tuple(self._actions), source.pixel_sizes
        )

    def _take_over(self, step: Step) -> None:
        self.objects.change(step.objects)
        for plane, (_, object_id) in step.reopened.items():
            if object_id is None:
                self._reopened.pop(plane, None)
            else:
                self._reopened[plane] = object_id
        for plane, (_, chosen) in step.filters.items():
            if chosen is None:
                self._filters.pop(plane, None)
            else:
                self._filters[plane] = chosen

    def _show(self, response: MaskResponse | None) -> None:
        if response is not self._response:
            self._response = response
            self.response_changed.emit()
