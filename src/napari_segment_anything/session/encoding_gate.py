"""Keeps a click and a job in the background out of each other's way."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_segment_anything.session.planes import PlaneId, PlaneSource

    Place = tuple[PlaneSource, PlaneId]


class EncodingGate:
    """Lets clicks go first, and no plane be encoded twice at the same time.

    Used by worker threads; the window only asks.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._encoded: Place | None = None
        self._n_answering = 0

    @property
    def encoded(self) -> Place | None:
        """Image and plane that a job encodes now."""
        return self._encoded

    @property
    def is_answering(self) -> bool:
        """Whether someone waits for an answer to a click."""
        return self._n_answering > 0

    @contextmanager
    def answering(self, source: PlaneSource, plane: PlaneId) -> Iterator[None]:
        """Hold background jobs back; wait while one encodes just this plane."""
        with self._changed:
            self._n_answering += 1
            while self._encoded is not None and self._encoded == (source, plane):
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._n_answering -= 1
                self._changed.notify_all()

    def wait_for_clicks(self, seconds: float) -> bool:
        """Wait, but not longer than this; return whether nobody is answered now."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.is_answering, seconds)

    @contextmanager
    def encoding(self, source: PlaneSource, plane: PlaneId) -> Iterator[None]:
        """Say which plane a job encodes."""
        with self._changed:
            self._encoded = (source, plane)
        try:
            yield
        finally:
            with self._changed:
                self._encoded = None
                self._changed.notify_all()
