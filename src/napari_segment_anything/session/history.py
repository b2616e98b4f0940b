"""What was done, so that it can be taken back and done again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_segment_anything.session.actions import Action
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.objects import AcceptedObject, ObjectKey
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.review import ReviewFilter

    Change = tuple[AcceptedObject | None, AcceptedObject | None]
    FilterChange = tuple[ReviewFilter | None, ReviewFilter | None]

_N_KEPT = 1000
_BYTES_KEPT = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Step:
    """One thing that the user did.

    Parameters
    ----------
    title : str
        What it was, as a noun for a sentence: "accept of object 3".
    plane : PlaneId
        Where it happened.
    drawn : tuple of Drawing
        Everything in the prompt layers before and after.
    pixels : PixelEdit, optional
        Labels before and after.
    objects : mapping of (int, PlaneId) to tuple
        What is known of each object that changed, before and after; None for nothing.
    reopened : mapping of PlaneId to tuple
        Id of the object that is open again on a plane, before and after; None for
        none.
    filters : mapping of PlaneId to tuple
        What everything mode lets pass on a plane, before and after; None before it ran.
    action : Action, optional
        How it is written down; None for what leaves the labels as they are.
    """

    title: str
    plane: PlaneId
    drawn: tuple[Drawing, Drawing]
    pixels: PixelEdit | None = None
    objects: Mapping[ObjectKey, Change] = field(default_factory=dict)
    reopened: Mapping[PlaneId, tuple[int | None, int | None]] = field(
        default_factory=dict
    )
    filters: Mapping[PlaneId, FilterChange] = field(default_factory=dict)
    action: Action | None = None

    @property
    def inverse(self) -> Step:
        """The step that takes this one back."""
        return Step(
            self.title,
            self.plane,
            (self.drawn[1], self.drawn[0]),
            self.pixels.inverse if self.pixels is not None else None,
            {known: (new, old) for known, (old, new) in self.objects.items()},
            {plane: (new, old) for plane, (old, new) in self.reopened.items()},
            {plane: (new, old) for plane, (old, new) in self.filters.items()},
            self.action,
        )

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps, nearly."""
        return self.pixels.nbytes if self.pixels is not None else 0


class History:
    """Steps that can be undone and redone; the oldest are forgotten beyond a limit.

    Parameters
    ----------
    n_kept : int, optional
        How many steps can be undone.
    bytes_kept : int, optional
        How much memory their pixels may take.
    """

    def __init__(self, n_kept: int = _N_KEPT, bytes_kept: int = _BYTES_KEPT) -> None:
        self._n_kept = n_kept
        self._bytes_kept = bytes_kept
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def newest(self) -> Step | None:
        """The step that would be taken back."""
        return self._done[-1] if self._done else None

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._undone)

    def add(self, step: Step) -> None:
        """Remember a step; what was undone before cannot be done again any more."""
        self._undone.clear()
        self._done.append(step)
        n_bytes = sum(kept.nbytes for kept in self._done)
        while len(self._done) > 1 and (
            len(self._done) > self._n_kept or n_bytes > self._bytes_kept
        ):
            n_bytes -= self._done.pop(0).nbytes

    def undo(self) -> Step | None:
        """Return the newest step, None when there is none."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def redo(self) -> Step | None:
        """Return the step that was undone last, None when there is none."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]
