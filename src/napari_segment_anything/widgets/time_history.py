"""Corrections that were carried out on tracks, to be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.batch.correct_job import correct_job
from napari_segment_anything.batch.progress import run
from napari_segment_anything.errors import SegmentAnythingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_segment_anything.batch.correct_job import Corrected, TakesBack
    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.tracking.correction import EditableTracks, Step
    from napari_segment_anything.tracking.correction_steps import Correction
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_strokes import StrokeWatch
    from napari_segment_anything.widgets.time_tour import DoubtTour
    from napari_segment_anything.widgets.workers import JobWorker

    Steps = Sequence[tuple[EditableTracks, Step]]


class CorrectionHistory(QObject):
    """Carries out corrections and takes them back, with the doubts of before.

    Labels on disk, or many, are changed by the worker, one correction after the other;
    nobody paints meanwhile. Tracks are changed in the thread of the window.

    Parameters
    ----------
    tour : DoubtTour
        The review list.
    strokes : StrokeWatch
        The brush on the labels.
    worker : JobWorker
        Changes labels that are not `is_quick`.
    is_quick : bool
        Whether labels are so few, and in memory, that nobody waits for them.
    done : sequence of Done, optional
        What was carried out before, by another history.
    """

    corrected = Signal()
    """Labels and tracks are others than before."""

    given_up = Signal()
    """A correction was begun and not carried out: labels are again as before."""

    failed = Signal(object)

    def __init__(
        self,
        tour: DoubtTour,
        strokes: StrokeWatch,
        worker: JobWorker,
        *,
        is_quick: bool,
        done: Sequence[Done] = (),
    ) -> None:
        super().__init__()
        self._tour, self._strokes, self._worker = tour, strokes, worker
        self._is_quick = is_quick
        self._done = list(done)
        self._waiting: list[tuple[Steps, Callable[[Corrected], None]]] = []
        self.is_busy = False
        self._is_undecided = False
        worker.is_busy_changed.connect(self._on_busy)

    def __len__(self) -> int:
        return len(self._done)

    @property
    def done(self) -> tuple[Done, ...]:
        """What was carried out and can be taken back, the last one last."""
        return tuple(self._done)

    @property
    def has_work(self) -> bool:
        """Whether a correction is being carried out, or waits."""
        return self.is_busy or bool(self._waiting)

    def carry_out(
        self, tracks: EditableTracks, *steps: Step, then: Callable[[], object]
    ) -> None:
        """Carry out corrections that belong together: all of them, or none.

        While the worker has something else to do, they wait for it.

        Parameters
        ----------
        tracks : EditableTracks
            What is corrected.
        *steps : callable
            Each returns a correction of the tracks as they are after those before.
        then : callable
            Called when it is done; `failed` is sent if it cannot be done.
        """

        def on_corrected(corrected: Corrected) -> None:
            self.note(corrected.undo)
            then()

        self._correct([(tracks, step) for step in steps], on_corrected)

    def note(self, undo: Sequence[TakesBack]) -> None:
        """Remember what takes back something that is done already, as one step."""
        self._done.append(Done(undo, list(self._tour.doubts), self._tour.at))

    def undo(self, *, then: Callable[[], object]) -> None:
        """Take the last corrections back, if there are any.

        A doubt that they had settled is shown again.

        Parameters
        ----------
        then : callable
            Called when it is done.
        """
        if not self._done or self.is_busy or self._waiting:
            return
        done = self._done[-1]

        def on_corrected(_: Corrected) -> None:
            self._done.remove(done)
            tour = self._tour
            is_back = done.at >= 0 and done.doubts[done.at] not in tour.doubts
            tour.doubts = done.doubts
            if is_back:
                tour.go_to(done.at)
            then()

        steps = [(tracks, partial(_known, undo)) for tracks, undo in done.undo]
        self._correct(steps[::-1], on_corrected)

    def close(self) -> None:
        """Carry out nothing more, and let people paint."""
        self._worker.is_busy_changed.disconnect(self._on_busy)
        self._waiting = []
        self._strokes.release()

    def _correct(self, steps: Steps, on_corrected: Callable[[Corrected], None]) -> None:
        on_outcome = partial(self._on_outcome, on_corrected)
        if self._is_quick:
            on_outcome(run(_told(steps)))
        elif self._worker.is_busy:
            self._waiting.append((steps, on_corrected))
        else:
            self._strokes.hold()
            self.is_busy = self._worker.start(_told(steps), on_outcome)

    def _on_outcome(
        self,
        on_corrected: Callable[[Corrected], None],
        outcome: Corrected | SegmentAnythingError,
    ) -> None:
        if isinstance(outcome, SegmentAnythingError):
            self.failed.emit(outcome)
            return
        self._is_undecided = False
        outcome.settle()
        on_corrected(outcome)
        self.corrected.emit()

    def _on_busy(self, is_busy: bool) -> None:
        """Let people paint again, also where it was cancelled."""
        if not is_busy:
            self._is_undecided, self.is_busy = self.is_busy, False
            self._strokes.release()
            # First comes what follows from the job that is over.
            QTimer.singleShot(0, self._go_on)

    def _go_on(self) -> None:
        is_given_up, self._is_undecided = self._is_undecided, False
        if is_given_up:
            self.given_up.emit()
        if self._waiting and not self._worker.is_busy:
            self._correct(*self._waiting.pop(0))


def _known(correction: Correction, _: EditableTracks) -> Correction:
    return correction


def _told(
    steps: Steps,
) -> Generator[Progress, None, Corrected | SegmentAnythingError]:
    """Carry out corrections; why they are not possible is no failure of the worker."""
    try:
        return (yield from correct_job(steps))
    except SegmentAnythingError as error:
        return error


@dataclass(frozen=True, eq=False)
class Done:
    """What takes corrections back, and the review list as it was before."""

    undo: Sequence[TakesBack]
    doubts: list[Doubt]
    at: int
