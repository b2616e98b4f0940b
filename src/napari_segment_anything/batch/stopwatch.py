"""Where the time of a job goes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Adds up seconds by activity; an inner activity pauses the outer one.

    So the seconds of all activities never count the same moment twice.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds spent so far in each activity."""
        return dict(self._seconds)

    @contextmanager
    def timing(self, activity: str) -> Iterator[None]:
        """Count the time of a ``with`` block to an activity."""
        self._lap()
        self._running.append(activity)
        self._seconds.setdefault(activity, 0.0)
        try:
            yield
        finally:
            self._lap()
            self._running.pop()

    def add(self, activity: str, seconds: float) -> None:
        """Count time that something else has measured."""
        self._seconds[activity] = self._seconds.get(activity, 0.0) + seconds

    def _lap(self) -> None:
        now = perf_counter()
        if self._running:
            self._seconds[self._running[-1]] += now - self._since
        self._since = now
