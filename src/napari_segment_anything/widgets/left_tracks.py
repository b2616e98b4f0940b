"""Tracks that a dock had under review when it was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.widgets.time_corrector import TimeCorrector
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_runs import TimeRuns

OUTLINE_GONE = (
    "The outline is gone: the dock Time was closed before it was accepted. The track "
    "is as it was; open the dock again to draw the outline anew."
)


class LeftTracks(QObject):
    """Waits until all corrections that were asked for are made, then hands tracks over.

    Until another dock takes them, strokes of the brush are noticed.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are seen; once the labels are removed there is nothing to review.
    corrector : TimeCorrector
        The tracks; it is closed when they are taken.
    runs : TimeRuns
        Of the dock that was closed: still does what was asked for.
    """

    ready = Signal()
    """All is done that was waited for."""

    def __init__(
        self, viewer: ViewerModel, corrector: TimeCorrector, runs: TimeRuns
    ) -> None:
        super().__init__()
        self._viewer, self._runs = viewer, runs
        self._corrector: TimeCorrector | None = corrector
        corrector.rest()
        # What follows from a signal is done before it is looked whether all is done.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._look)
        prompts = corrector.prompts
        if self.is_ready:
            self._end_prompts()
        else:
            runs.worker.is_busy_changed.connect(self._look_later)
            for signal in (prompts.changed, prompts.said, prompts.failed):
                signal.connect(self._look_later)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def corrector(self) -> TimeCorrector | None:
        """The tracks; None once they are taken, or gone."""
        return self._corrector

    @property
    def is_ready(self) -> bool:
        """Whether all is done; what is tracked anew is not waited for."""
        if self._corrector is None:
            return True
        # A model that is loaded, or a computation, may still change the tracks.
        runs = self._runs
        is_at_work = runs.worker.is_busy and not runs.tracker.is_tracking
        return not (self._corrector.has_work or is_at_work)

    def take(self) -> tuple[TimeLayers, TimeTracks] | None:
        """Hand the tracks over; None if they are gone."""
        if (corrector := self._corrector) is None:
            return None
        self._end_prompts()
        self.close()
        return corrector.layers, corrector.handed_over

    def close(self) -> None:
        """Let go of the viewer and the tracks; what still waits is not done."""
        corrector, self._corrector = self._corrector, None
        if corrector is not None:
            self._viewer.layers.events.removed.disconnect(self._on_removed)
            corrector.close()
            self._later.stop()

    def _look_later(self) -> None:
        self._later.start()

    def _look(self) -> None:
        if self._corrector is not None and self.is_ready:
            self._end_prompts()
            self.ready.emit()

    def _end_prompts(self) -> None:
        """Give up an outline that was not accepted, and say so."""
        if self._corrector is not None and (prompts := self._corrector.prompts).is_open:
            if not prompts.layers.prompts.are_empty:
                show_warning(OUTLINE_GONE)
            prompts.end()

    def _on_removed(self) -> None:
        if self._corrector is not None and not self._corrector.layers.is_there:
            self.close()
