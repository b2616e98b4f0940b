"""What a long job says of itself while it runs, and how a job is run to its end."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")
Report = TypeVar("Report")


@dataclass(frozen=True)
class Progress:
    """One step of a long job.

    Attributes
    ----------
    stage : str
        What the job is doing, as a word for a progress bar (``"detect"``).
    done : int
        Steps of this stage that are finished.
    total : int
        Steps of this stage altogether; 0 when it cannot be known.
    message : str
        One sentence that the user should read, or an empty string.
    """

    stage: str
    done: int
    total: int
    message: str = ""

    def next(self) -> "Progress":
        """Return the state when one more step is finished."""
        return Progress(self.stage, self.done + 1, self.total)


def run(
    job: Generator[Report, None, Result],
    on_progress: Callable[[Report], None] | None = None,
) -> Result:
    """Drive a job to its end and return its result.

    Parameters
    ----------
    job : generator
        Yields progress and returns the result, as every job of this package does.
    on_progress : callable, optional
        Called with each progress that the job yields. When it raises, the job is
        closed (which cancels it) and the error goes on to the caller.

    Returns
    -------
    object
        What the job returned.
    """
    # A frame interrupted by Ctrl-C must not wait for the garbage collector to be
    # told that its job is over: files it holds open are closed here.
    with closing(job):
        while True:
            try:
                progress = next(job)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            if on_progress is not None:
                on_progress(progress)
