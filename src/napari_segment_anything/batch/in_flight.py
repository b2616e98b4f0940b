"""Embeddings that some thread is making: others wait for them, and make none."""

import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from napari_segment_anything.storage.embedding_store import EmbeddingStore


class InFlight:
    """The keys of a store that threads of this process are about to fill."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def alone(self, keys: Set[str]) -> Iterator[None]:
        """Wait until no other thread works on any of these keys, then hold all."""
        with self._changed:
            self._changed.wait_for(lambda: self._keys.isdisjoint(keys))
            self._keys |= keys
        try:
            yield
        finally:
            with self._changed:
                self._keys -= keys
                self._changed.notify_all()


_OF_STORES: WeakKeyDictionary[EmbeddingStore, InFlight] = WeakKeyDictionary()
_LOCK = threading.Lock()


def in_flight(store: EmbeddingStore) -> InFlight:
    """Return what is in flight for a store, the same for all who use that store."""
    with _LOCK:
        try:
            return _OF_STORES.setdefault(store, InFlight())
        except TypeError:
            # A store of somebody's own that cannot be remembered: each for itself.
            return InFlight()
