"""How long a job will still take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Counts steps against the clock.

    Parameters
    ----------
    clock : callable, optional
        Returns seconds; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: tuple[float, int] | None = None

    def restart(self) -> None:
        """Begin anew, as after a pause."""
        self._start = None

    def describe_left(self, done: int, total: int) -> str:
        """Return the time that is left in words; empty as long as nobody can know."""
        if self._start is None or done < self._start[1]:
            self._start = (self._clock(), done)
        started, first = self._start
        if done == first or done >= total:
            return ""
        seconds = (self._clock() - started) / (done - first) * (total - done)
        return f"about {in_words(seconds)} left"


def in_words(seconds: float) -> str:
    """Return a duration for people, such as ``3 min``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"
