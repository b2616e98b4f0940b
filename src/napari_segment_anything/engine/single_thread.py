"""Decoding of a prompt by the calling thread alone.

Every thread that computes with torch has a team of OpenMP threads of its own. When the
teams together have more threads than the machine has cores, as beside a window, none
waits actively for the next of the some 200 steps of a mask decoder: with ViT-B a prompt
then takes 100 to 250 ms instead of 25.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

# Threads that decode without a team; meanwhile others would take their number.
_ALONE: set[int] = set()
_CHANGED = threading.Condition()
_MOST_SECONDS = 1.0


def n_own_threads() -> int:
    """Return how many threads the calling one computes with.

    A thread takes the common number once, when it first asks. If a prompt is being
    decoded without a team at that moment, this waits until that is done.
    """
    with _CHANGED:
        _CHANGED.wait_for(lambda: not _ALONE, _MOST_SECONDS)
        return torch.get_num_threads()


@cache
def n_common_threads() -> int:
    """Return how many threads torch had when it was first asked."""
    return torch.get_num_threads()


@contextmanager
def single_thread(n_prompts: int, device: torch.device) -> Iterator[None]:
    """Compute without a team, if that is for one prompt on a CPU beside a window.

    In the main thread, where a script decodes, the team is alone and helps. A thread
    that was given a number of its own keeps it.
    """
    n_threads = n_common_threads()
    is_beside = threading.current_thread() is not threading.main_thread()
    if (
        n_prompts != 1
        or device.type != "cpu"
        or not is_beside
        or n_threads == 1
        or torch.get_num_threads() != n_threads
    ):
        yield
        return
    number = threading.get_ident()
    with _CHANGED:
        _ALONE.add(number)
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _CHANGED:
            # Threads that first compute from now on take their number from here.
            torch.set_num_threads(n_threads)
            _ALONE.discard(number)
            _CHANGED.notify_all()
