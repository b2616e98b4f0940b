"""Runs of docks *Time* that were closed, for the one that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from napari_segment_anything.widgets.time_runs import TimeRuns
    from napari_segment_anything.widgets.workbench import Workbench

GOES_ON = "What was begun before the dock was closed goes on; “Cancel” stops it."


class LeftRuns(QObject):
    """Tells how far the jobs of closed docks are, and cancels them.

    Each workbench has one, as a part of it; see `of`.

    Parameters
    ----------
    workbench : Workbench
        Of the viewer that the docks belong to.
    """

    is_busy_changed = Signal(bool)
    """Whether something runs; also sent where it is as before."""

    progressed = Signal(object)
    said = Signal(str)
    failed = Signal(object)
    """What has failed; the dock that was closed has notified of it."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__(workbench)
        self._runs: list[TimeRuns] = []

    @classmethod
    def of(cls, workbench: Workbench) -> LeftRuns:
        """Return what the docks of a workbench have left."""
        found: LeftRuns | None = workbench.findChild(cls)
        return cls(workbench) if found is None else found

    @property
    def is_busy(self) -> bool:
        """Whether something runs."""
        return any(runs.worker.is_busy for runs in self._runs)

    def add(self, runs: TimeRuns) -> None:
        """Take over the runs of a dock that is closed: one may follow another."""
        if runs in self._runs:
            return
        self._runs.append(runs)
        runs.worker.is_busy_changed.connect(self._on_busy)
        runs.worker.progressed.connect(self.progressed)
        runs.said.connect(self.said)
        runs.failed.connect(self.failed)
        self._on_busy()

    def remove(self, runs: TimeRuns) -> None:
        """Give runs back to their dock, or up with it."""
        if runs not in self._runs:
            return
        self._runs.remove(runs)
        runs.worker.is_busy_changed.disconnect(self._on_busy)
        runs.worker.progressed.disconnect(self.progressed)
        runs.said.disconnect(self.said)
        runs.failed.disconnect(self.failed)
        self._on_busy()

    def cancel(self) -> None:
        """Ask all jobs to end."""
        for runs in self._runs:
            runs.worker.cancel()

    def _on_busy(self) -> None:
        self.is_busy_changed.emit(self.is_busy)
