"""Work in parts that may be done in any order: here one after the other.

Whoever has threads to spare passes a runner of its own, as `parts_at_once` returns it.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
Part = Callable[[], Generator[float, None, T]]


class RunParts(Protocol):
    """Does all parts of some work."""

    def __call__(self, parts: Sequence[Part[T]]) -> Generator[float, None, list[T]]:
        """Do the parts; none may depend on another one.

        Yields
        ------
        float
            Share of the work that is done, 0..1, now and then. Closing the generator
            cancels what is left.

        Returns
        -------
        list
            What each part returned, in their order.
        """


def in_turn(parts: Sequence[Part[T]]) -> Generator[float, None, list[T]]:
    """Do one part after the other, see `RunParts`."""
    results = []
    for position, part in enumerate(parts):
        results.append((yield from scaled(part(), position, len(parts))))
    return results


def scaled(
    run: Generator[float, None, T], position: int, n_parts: int
) -> Generator[float, None, T]:
    """Pass a part's progress on as progress of the whole."""
    while True:
        try:
            share = next(run)
        except StopIteration as stop:
            result: T = stop.value
            return result
        yield (position + share) / n_parts
