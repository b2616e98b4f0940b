import threading
import time

import pytest
from qtpy.QtCore import QThreadPool

from napari_segment_anything.widgets.workers import (
    JobWorker,
    LatestWorker,
    Relay,
    answering_thread,
)

pytestmark = pytest.mark.gui


@pytest.fixture
def gate():
    """Tasks wait for it; opened when the test ends, whatever happens."""
    event = threading.Event()
    yield event
    event.set()


def test_only_the_latest_of_waiting_tasks_runs(qtbot, gate):
    worker = LatestWorker()
    ran, results = [], []
    worker.finished.connect(results.append)

    def task(number):
        def run():
            gate.wait(5)
            ran.append((number, threading.current_thread()))
            return number

        return run

    for number in range(5):
        worker.submit(task(number))
    assert worker.has_waiting
    gate.set()
    qtbot.waitUntil(lambda: not worker.is_busy, timeout=5000)
    assert results == [0, 4]
    assert all(thread is not threading.main_thread() for _, thread in ran)


def test_tasks_that_are_kept_all_run_before_newer_ones(qtbot, gate):
    worker, results = LatestWorker(), []
    worker.finished.connect(results.append)

    def task(number):
        def run():
            gate.wait(5)
            return number

        return run

    for number in range(6):
        worker.submit(task(number))
        if number in (2, 3):
            worker.keep()
    gate.set()
    qtbot.waitUntil(lambda: not worker.is_busy, timeout=5000)
    assert results == [0, 2, 3, 5]
    worker.submit(task(6))
    qtbot.waitUntil(lambda: not worker.is_busy, timeout=5000)
    assert results[-1] == 6


def test_all_answers_are_computed_in_one_thread(qtbot):
    workers = [LatestWorker(threads=answering_thread()) for _ in range(3)]
    threads = []
    for worker in [*workers, *workers]:
        worker.submit(lambda: threads.append(threading.get_ident()))
        qtbot.waitUntil(lambda worker=worker: not worker.is_busy, timeout=5000)
    assert len(threads) == 6
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


def test_a_task_does_not_wait_for_answers(qtbot, gate):
    asks, worker, results = LatestWorker(threads=answering_thread()), LatestWorker(), []
    worker.finished.connect(results.append)
    asks.submit(lambda: gate.wait(5))
    worker.submit(lambda: 1)
    qtbot.waitUntil(lambda: results == [1], timeout=5000)
    assert asks.is_busy
    gate.set()
    qtbot.waitUntil(lambda: not asks.is_busy, timeout=5000)


def test_the_thread_of_a_job_ends_with_it(qtbot):
    worker, results, closed = JobWorker(), [], []
    worker.start(counting(1, closed), results.append)
    qtbot.waitUntil(lambda: results == ["done"], timeout=5000)
    # Otherwise Qt keeps idle threads, and these their teams, for half a minute.
    pool = QThreadPool.globalInstance()
    assert pool.waitForDone(2000)
    assert pool.expiryTimeout() == 0


def test_an_error_is_reported_and_the_next_task_runs(qtbot):
    worker = LatestWorker()
    errors, results = [], []
    worker.failed.connect(errors.append)
    worker.finished.connect(results.append)

    def fails():
        raise ValueError("no")

    worker.submit(fails)
    worker.submit(lambda: 7)
    qtbot.waitUntil(lambda: results == [7], timeout=5000)
    assert [str(error) for error in errors] == ["no"]


def test_nothing_comes_of_what_is_dropped_and_the_next_task_runs(qtbot, gate):
    worker = LatestWorker()
    results, is_over = [], threading.Event()
    worker.finished.connect(results.append)

    def dropped():
        gate.wait(5)
        is_over.set()

    worker.submit(dropped)
    worker.submit(dropped)
    worker.drop()
    assert not worker.is_busy
    assert not worker.has_waiting
    worker.submit(lambda: 7)
    gate.set()
    qtbot.waitUntil(lambda: is_over.is_set() and results == [7], timeout=5000)
    qtbot.wait(50)
    assert results == [7]


def test_nothing_comes_after_closing(qtbot, gate):
    worker = LatestWorker()
    results = []
    worker.finished.connect(results.append)
    done = threading.Event()

    def task():
        gate.wait(5)
        done.set()
        return 1

    worker.submit(task)
    worker.close()
    gate.set()
    qtbot.waitUntil(done.is_set, timeout=5000)
    qtbot.wait(100)
    worker.submit(task)
    qtbot.wait(50)
    assert results == []


def counting(n, closed, seconds=0.0):
    try:
        for number in range(n):
            time.sleep(seconds)
            yield number
    finally:
        closed.append(threading.current_thread())
    return "done"


def test_a_job_reports_progress_and_its_result(qtbot):
    worker = JobWorker()
    seen, results, closed = [], [], []
    worker.progressed.connect(seen.append)
    assert worker.start(counting(6, closed, 0.03), results.append)
    assert worker.is_busy
    assert not worker.start(counting(1, closed))
    qtbot.waitUntil(lambda: results == ["done"], timeout=5000)
    assert not worker.is_busy
    assert seen[0] == 0
    assert seen == sorted(seen)


def test_progress_is_not_told_more_often_than_it_can_be_seen(qtbot):
    worker = JobWorker()
    seen, results = [], []
    worker.progressed.connect(seen.append)
    worker.start(counting(5_000, []), results.append)
    qtbot.waitUntil(lambda: results == ["done"], timeout=10_000)
    assert len(seen) < 100


def test_cancelling_closes_the_job_in_its_thread(qtbot):
    worker = JobWorker()
    results, closed = [], []
    worker.start(counting(10_000, closed, 0.001), results.append)
    qtbot.wait(20)
    with qtbot.waitSignal(worker.cancelled, timeout=5000):
        worker.cancel()
    assert results == []
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()
    assert not worker.is_busy


def test_an_error_of_a_job_is_reported(qtbot):
    worker = JobWorker()
    errors = []
    worker.failed.connect(errors.append)

    def job():
        yield 1
        raise OSError("disk is full")

    worker.start(job())
    qtbot.waitUntil(lambda: len(errors) == 1, timeout=5000)
    assert str(errors[0]) == "disk is full"


def test_a_result_may_start_the_next_job(qtbot):
    worker = JobWorker()
    results = []

    def then(result):
        worker.start(counting(1, []), results.append)

    worker.start(counting(1, []), then)
    qtbot.waitUntil(lambda: results == ["done"], timeout=5000)
    assert not worker.is_busy


def test_a_relay_hands_on_in_the_thread_of_the_window(qtbot):
    received = []
    # Nothing else keeps the relay.
    send = Relay(lambda what: received.append((what, threading.get_ident()))).send
    thread = threading.Thread(target=send, args=("full",))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(received), timeout=30_000)
    assert received == [("full", threading.get_ident())]
