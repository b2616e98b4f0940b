"""A progress bar on stderr, fed by the progress that jobs yield."""

import sys
from types import TracebackType
from typing import Any, Protocol, Self

from tqdm import tqdm


class StepReport(Protocol):
    """What every job's progress has."""

    @property
    def done(self) -> int:
        """Finished steps, or bytes."""

    @property
    def total(self) -> int:
        """All of them; 0 when that is unknown."""


class ProgressBar:
    """One bar per stage of a job; call it with each progress.

    Parameters
    ----------
    unit : str
        What a step is called; ``"B"`` counts in kB and MB.
    title : str
        Shown when the progress names no stage.
    """

    def __init__(self, unit: str = "planes", title: str = "") -> None:
        self._unit = unit
        self._title = title
        self._stage: str | None = None
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, progress: StepReport) -> None:
        """Show a progress."""
        stage = getattr(progress, "stage", self._title)
        if stage != self._stage:
            self._close()
            self._stage = stage
            self._bar = tqdm(
                desc=stage,
                unit=self._unit if self._unit == "B" else f" {self._unit}",
                unit_scale=self._unit == "B",
                file=sys.stderr,
                total=progress.total or None,
                dynamic_ncols=True,
                # A log file needs a line now and then, not ten a second.
                mininterval=0.1 if sys.stderr.isatty() else 10.0,
            )
        self._bar.total = progress.total or None
        self._bar.update(progress.done - self._bar.n)
        message = getattr(progress, "message", "")
        if message:
            self._bar.write(message, file=sys.stderr)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
