"""The state of annotating one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_segment_anything.session.history import History
from napari_segment_anything.session.objects import AcceptedObject, ObjectRegister
from napari_segment_anything.session.requests import MaskRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_segment_anything.session.history import Commit
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.session.requests import MaskResponse


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
    """An object was accepted, or an accept was undone."""

    def __init__(self, source: PlaneSource) -> None:
        self.source = source
        self.objects = ObjectRegister()
        self._history = History()
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
        """Whether an accept can be taken back."""
        return len(self._history) > 0

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

    def accept(
        self, commit: Commit, scores: Mapping[int, float], model_digest: str
    ) -> None:
        """Remember what was painted.

        Parameters
        ----------
        commit : Commit
            The pixels that were painted, for undo.
        scores : mapping of int to float
            Predicted IoU of each object id of the commit.
        model_digest : str
            Digest of the weights that made the masks.
        """
        for object_id in commit.object_ids:
            self.objects.add(
                AcceptedObject(
                    object_id=object_id,
                    plane=commit.plane,
                    prompts=commit.prompts,
                    predicted_iou=scores.get(object_id, float("nan")),
                    model_digest=model_digest,
                )
            )
        self._history.add(commit)
        self.accepted_changed.emit()

    def undo(self) -> Commit | None:
        """Take the newest accept back out of the records; the caller repaints it."""
        commit = self._history.pop()
        if commit is not None:
            for object_id in commit.object_ids:
                self.objects.remove(object_id)
            self.accepted_changed.emit()
        return commit

    def _show(self, response: MaskResponse | None) -> None:
        if response is not self._response:
            self._response = response
            self.response_changed.emit()
