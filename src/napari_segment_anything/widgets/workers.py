"""The one place that talks to threads.

Jobs are handed to napari's workers, short tasks to threads that stay; the outcome comes
back in the thread of the window. Everything is caught inside of the worker: an
exception that leaves one ends in a slot of Qt, where nobody can act on it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QThreadPool, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Result = TypeVar("Result")

_MIN_THREADS = 4
_N_ERRANDS = 4
_MIN_SECONDS_BETWEEN_REPORTS = 0.05


@dataclass(frozen=True, eq=False)
class _Outcome(Generic[Result]):
    result: Result | None = None
    error: Exception | None = None
    is_cancelled: bool = False


class Relay(QObject):
    """Calls a function in the thread of the window, whichever thread sends.

    Parameters
    ----------
    receive : callable
        Called with what is sent.
    """

    _sent = Signal(object)

    def __init__(self, receive: Callable[[Any], object]) -> None:
        super().__init__()
        self._receive = receive
        self._sent.connect(self._on_sent)

    def send(self, what: object) -> None:
        """Send something; may be called by any thread."""
        self._sent.emit(what)

    def _on_sent(self, what: object) -> None:
        self._receive(what)


@cache
def answering_thread() -> ThreadPoolExecutor:
    """Return the one thread in which prompts are answered.

    Each thread that computes has a team of OpenMP threads. When the teams together have
    more threads than the machine has cores, none of them waits actively for the next of
    the some 200 steps of a mask decoder, and a team takes as long as one thread alone.
    """
    return ThreadPoolExecutor(1, "answers")


@cache
def _errands() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_N_ERRANDS, "errands")


class _Sender(QObject):
    """Belongs to nobody, so that it outlives what waits for the outcome."""

    returned = Signal(int, object)
    """Number of the task, and its outcome."""


class LatestWorker(QObject):
    """Runs one task at a time; of those that wait only the latest is kept.

    Fits interactive requests: while one is answered, newer ones replace each other,
    but for those that are to be answered all the same, see `keep`.

    Parameters
    ----------
    parent : QObject, optional
        Owner.
    threads : ThreadPoolExecutor, optional
        Where tasks run; by default in some thread.
    """

    finished = Signal(object)
    failed = Signal(object)
    is_busy_changed = Signal(bool)

    def __init__(
        self,
        parent: QObject | None = None,
        threads: ThreadPoolExecutor | None = None,
    ) -> None:
        super().__init__(parent)
        self._threads = threads or _errands()
        self._waiting: list[Callable[[], Any]] = []
        self._n_kept = 0
        self._is_running = False
        self._is_closed = False
        # Of the present task, or the last one.
        self._number = 0
        self._sender = _Sender()
        self._sender.returned.connect(self._on_returned)

    @property
    def is_busy(self) -> bool:
        """Whether a task runs."""
        return self._is_running

    @property
    def has_waiting(self) -> bool:
        """Whether a newer task waits for the present one to end."""
        return bool(self._waiting)

    def submit(self, task: Callable[[], Any]) -> None:
        """Run a task as soon as the present one is over, unless a newer one comes."""
        self._waiting[self._n_kept :] = [task]
        if not self._is_running:
            self._run_next()

    def keep(self) -> None:
        """Have newer tasks wait for the one that waits, instead of replacing it."""
        self._n_kept = len(self._waiting)

    def drop(self) -> None:
        """Let nothing come of the present task, nor of those that wait."""
        self._waiting.clear()
        self._n_kept = 0
        self._number += 1
        if self._is_running:
            self._set_running(False)

    def close(self) -> None:
        """Start nothing more and drop what comes."""
        self._is_closed = True
        self._waiting.clear()

    def _run_next(self) -> None:
        if not self._waiting or self._is_closed:
            return
        task = self._waiting.pop(0)
        self._n_kept = max(0, self._n_kept - 1)
        self._set_running(True)
        self._number += 1
        self._threads.submit(_run, task, self._number, self._sender)

    def _on_returned(self, number: int, outcome: _Outcome[Any]) -> None:
        if self._is_closed or number != self._number:
            return
        self._set_running(False)
        if outcome.error is not None:
            self.failed.emit(outcome.error)
        else:
            self.finished.emit(outcome.result)
        if not self._is_running:
            self._run_next()

    def _set_running(self, is_running: bool) -> None:
        self._is_running = is_running
        self.is_busy_changed.emit(is_running)


class JobWorker(QObject):
    """Runs one generator at a time, reports its progress and can cancel it."""

    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    is_busy_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cancel = threading.Event()
        self._worker: Any = None
        self._on_result: Callable[[Any], None] | None = None
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self._worker is not None

    def start(
        self,
        job: Generator[Any, None, Result],
        on_result: Callable[[Result], None] | None = None,
    ) -> bool:
        """Run a job; return False and do nothing while another one runs.

        Parameters
        ----------
        job : generator
            Yields progress and returns its result. It is closed when cancelled.
        on_result : callable, optional
            Called with the result, in the thread of the window.
        """
        if self.is_busy or self._is_closed:
            return False
        self._cancel = threading.Event()
        self._on_result = on_result
        _set_up_pool()
        worker = create_worker(_driven, job, self._cancel, _start_thread=False)
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        # A viewer that closes asks its workers to quit; they then return nothing.
        worker.aborted.connect(self._on_aborted)
        self._worker = worker
        self.is_busy_changed.emit(True)
        worker.start()
        return True

    def cancel(self) -> None:
        """Ask the job to end; it does at its next step."""
        self._cancel.set()

    def close(self) -> None:
        """Cancel, and drop what still comes."""
        self._is_closed = True
        self.cancel()

    def _on_yielded(self, progress: object) -> None:
        if not self._is_closed:
            self.progressed.emit(progress)

    def _on_aborted(self) -> None:
        self._on_returned(None)

    def _on_returned(self, outcome: _Outcome[Any] | None) -> None:
        self._worker = None
        on_result, self._on_result = self._on_result, None
        if self._is_closed:
            return
        self.is_busy_changed.emit(False)
        if outcome is None or outcome.is_cancelled:
            self.cancelled.emit()
        elif outcome.error is not None:
            self.failed.emit(outcome.error)
        else:
            if on_result is not None:
                on_result(outcome.result)
            self.finished.emit(outcome.result)


def _set_up_pool() -> None:
    """Let several jobs run, also on a machine with one core, and leave nothing behind.

    A thread that waits for more work keeps its OpenMP team; see `answering_thread`.
    """
    pool = QThreadPool.globalInstance()
    pool.setMaxThreadCount(max(_MIN_THREADS, pool.maxThreadCount()))
    pool.setExpiryTimeout(0)


def _run(task: Callable[[], Result], number: int, sender: _Sender) -> None:
    outcome: _Outcome[Result]
    try:
        outcome = _Outcome(result=task())
    except Exception as error:  # noqa: BLE001  (see the module's docstring)
        outcome = _Outcome(error=error)
    sender.returned.emit(number, outcome)


def _driven(
    job: Generator[Any, None, Result], cancel: threading.Event
) -> Generator[Any, None, _Outcome[Result]]:
    """Run a job and pass on its progress, but not more often than eyes can see."""
    last_report = 0.0
    try:
        while not cancel.is_set():
            try:
                progress = next(job)
            except StopIteration as stop:
                return _Outcome(result=stop.value)
            now = time.monotonic()
            if now - last_report >= _MIN_SECONDS_BETWEEN_REPORTS:
                last_report = now
                yield progress
        return _Outcome(is_cancelled=True)
    except Exception as error:  # noqa: BLE001  (see the module's docstring)
        return _Outcome(error=error)
    finally:
        # Also when this generator is dropped: the job's own clean-up must run.
        job.close()
