"""Which plane is embedded next, while the user scrolls."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_segment_anything.session.plane_order import outward

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Index = tuple[int, ...]


class PlaneQueue:
    """Hands out planes one by one, the most wanted first.

    The window moves the focus while a worker takes planes, so every method may be
    called from any thread.

    Parameters
    ----------
    shape : tuple of int
        Planes along each index axis of the stack.
    n_ahead : int, optional
        How many planes around the one that is shown are wanted without being asked
        for.
    """

    def __init__(self, shape: tuple[int, ...], *, n_ahead: int = 0) -> None:
        self.shape = shape
        self._n_ahead = n_ahead
        self._wants_all = False
        self._focus: Index = (0,) * len(shape)
        self._axis, self._direction = 0, 1
        self._order: Iterator[Index] | None = None
        self._lock = threading.Lock()

    @property
    def wants_all(self) -> bool:
        """Whether every plane was asked for."""
        return self._wants_all

    @property
    def focus(self) -> Index:
        """The plane that is shown."""
        return self._focus

    @property
    def n_ahead(self) -> int:
        """How many planes around the one that is shown are wanted."""
        return self._n_ahead

    @n_ahead.setter
    def n_ahead(self, n_ahead: int) -> None:
        with self._lock:
            self._n_ahead = n_ahead
            self._order = None

    def look_at(self, focus: Index) -> None:
        """Move the focus; the difference tells axis and direction of scrolling."""
        with self._lock:
            steps = [new - old for new, old in zip(focus, self._focus, strict=True)]
            if not any(steps):
                return
            self._axis = max(range(len(steps)), key=lambda axis: abs(steps[axis]))
            self._direction = 1 if steps[self._axis] > 0 else -1
            self._focus = focus
            self._order = None

    def want_all(self) -> None:
        """Ask for every plane, after those near the one that is shown."""
        with self._lock:
            self._wants_all = True
            self._order = None

    def want_near(self) -> None:
        """Ask for no more than the planes near the one that is shown."""
        with self._lock:
            self._wants_all = False
            self._order = None

    def take(self, is_ready: Callable[[Index], bool]) -> Index | None:
        """Return the most wanted plane that is not ready; None when all are.

        Parameters
        ----------
        is_ready : callable
            Whether a plane needs no work.
        """
        with self._lock:
            if self._order is None:
                # Anew after each move of the focus, but not for each plane: sorting
                # all planes of a long movie takes longer than skipping some.
                self._order = iter(self._wanted())
            for index in self._order:
                if not is_ready(index):
                    return index
            self._order = None
            return None

    def _wanted(self) -> list[Index]:
        order = outward(
            self.shape, self._focus, axis=self._axis, direction=self._direction
        )
        wanted = order if self._wants_all else order[: 1 + self._n_ahead]
        return [tuple(int(number) for number in index) for index in wanted]
