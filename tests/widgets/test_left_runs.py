"""What a closed dock *Time* still runs, in the dock that is opened next."""

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QMainWindow

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.widgets import (
    time_corrector,
    time_history,
    time_recompute,
    time_tracker,
)
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import add_movie, settle, track

pytestmark = pytest.mark.gui


class Gate:
    """Lets jobs wait until it is opened."""

    def __init__(self, monkeypatch):
        self.n_started, self.is_open = 0, True
        for module, name in (
            (time_tracker, "time_job"),
            (time_history, "correct_job"),
            (time_recompute, "recompute_around"),
        ):
            job = self._waiting(getattr(module, name))
            monkeypatch.setattr(module, name, job)

    def _waiting(self, job):
        def waiting(*arguments):
            self.n_started += 1
            while not self.is_open:
                yield Progress("wait", 3, 7)
            return (yield from job(*arguments))

        return waiting


@pytest.fixture
def gate(monkeypatch):
    gate = Gate(monkeypatch)
    yield gate
    gate.is_open = True


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    return window


@pytest.fixture
def dock(docks, viewer_model, qtbot, window, gate):
    add_movie(viewer_model)
    dock = docks(TimeDock, viewer_model)
    window.setCentralWidget(dock)
    yield dock
    gate.is_open = True
    settle(dock, qtbot)


def start_tracking(dock, gate, qtbot):
    gate.is_open = False
    dock.form.track.click()
    qtbot.waitUntil(lambda: gate.n_started == 1, timeout=30_000)


def said(dock):
    return dock.form.job.status.text()


def check_that_it_runs(dock, qtbot):
    assert dock.form.job.is_running
    assert not dock.form.track.isEnabled()
    assert not dock.form.preview.isEnabled()
    qtbot.waitUntil(lambda: said(dock) == "Wait: 3 of 7", timeout=30_000)
    assert (dock.form.job.bar.value(), dock.form.job.bar.maximum()) == (3, 7)


def test_tracking_is_shown_and_not_started_again(
    dock, docks, viewer_model, qtbot, gate
):
    start_tracking(dock, gate, qtbot)
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    assert "before the dock was closed goes on" in said(second)
    check_that_it_runs(second, qtbot)
    second.runs.track()
    assert "Something else is running" in said(second)
    assert (gate.n_started, second.worker.is_busy) == (1, False)
    gate.is_open = True
    qtbot.waitUntil(lambda: second.corrector is not None, timeout=30_000)
    settle(second, qtbot)
    assert not second.form.job.is_running
    assert second.form.track.isEnabled()
    assert "objects in 6 frames" in said(second)
    assert [layer.name for layer in viewer_model.layers] == [
        "cells",
        "cells tracked",
        "cells tracks",
    ]


def test_tracking_is_cancelled_by_the_next_dock(dock, docks, viewer_model, qtbot, gate):
    start_tracking(dock, gate, qtbot)
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    second.form.job.cancel_button.click()
    settle(dock, qtbot)
    assert [layer.name for layer in viewer_model.layers] == ["cells"]
    assert said(second) == "Cancelled. What was found is kept: it goes on from there."
    assert not second.form.job.is_running
    gate.is_open = True
    assert track(second, qtbot) is not None


def test_tracks_at_hand_are_reviewed_while_others_are_tracked(
    dock, docks, viewer_model, qtbot, gate
):
    old = track(dock, qtbot)
    gate.is_open = False
    dock.form.track.click()
    qtbot.waitUntil(lambda: gate.n_started == 2, timeout=30_000)
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    assert second.corrector.layers is old.layers
    check_that_it_runs(second, qtbot)
    # As in the dock that was closed.
    second.corrector.picker.pick(second.corrector.tracks.tracks[0])
    assert not second.form.review.recompute.isEnabled()
    second.steps.recompute()
    assert "Something else is running" in said(second)
    assert gate.n_started == 2
    gate.is_open = True
    review = second.form.review
    qtbot.waitUntil(lambda: review.which.count() == 2, timeout=30_000)
    settle(second, qtbot)
    assert second.corrector.layers is old.layers
    assert "There are new tracks" in said(second)
    assert review.recompute.isEnabled()


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_correction_is_shown_and_cancelled(
    dock, docks, viewer_model, qtbot, gate, monkeypatch, is_cancelled
):
    monkeypatch.setattr(time_corrector, "_MOST_QUICK_BYTES", 0)
    corrector = track(dock, qtbot)
    before = corrector.layers.labels.data.copy()
    gate.is_open = False
    one = corrector.tracks.tracks[0]
    corrector.picker.pick(one)
    dock.form.review.buttons["remove_all"].click()
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    assert "still being made" in said(second)
    assert second.corrector is None
    check_that_it_runs(second, qtbot)
    if is_cancelled:
        second.form.job.cancel_button.click()
    else:
        gate.is_open = True
    qtbot.waitUntil(lambda: second.corrector is not None, timeout=30_000)
    settle(second, qtbot)
    assert not second.form.job.is_running
    assert (one in second.corrector.tracks.tracks) == is_cancelled
    assert np.array_equal(before, corrector.layers.labels.data) == is_cancelled
    assert second.corrector.can_undo == (not is_cancelled)
    assert corrector.layers.labels.editable


def test_what_is_computed_again_is_cancelled(dock, docks, viewer_model, qtbot, gate):
    corrector = track(dock, qtbot)
    before = corrector.layers.labels.data.copy()
    gate.is_open = False
    corrector.picker.pick(corrector.tracks.tracks[0])
    dock.form.review.recompute.click()
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    check_that_it_runs(second, qtbot)
    second.form.job.cancel_button.click()
    qtbot.waitUntil(lambda: second.corrector is not None, timeout=30_000)
    settle(second, qtbot)
    np.testing.assert_array_equal(before, corrector.layers.labels.data)
    assert second.form.review.recompute.isEnabled()


def test_what_fails_is_notified_once_and_said_in_the_next_dock(
    dock, docks, viewer_model, qtbot, errors
):
    release = []

    def fails():
        while not release:
            yield Progress("wait", 3, 7)
        raise RuntimeError("no disk")

    assert dock.worker.start(fails())
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    check_that_it_runs(second, qtbot)
    release.append(True)
    settle(dock, qtbot)
    assert len(errors) == 1
    assert "no disk" in said(second)
    assert second.form.track.isEnabled()


def test_labels_that_are_removed_after_closing_end_the_run(
    dock, docks, viewer_model, qtbot, gate, monkeypatch
):
    warnings = []
    monkeypatch.setattr(time_tracker, "show_warning", warnings.append)
    start_tracking(dock, gate, qtbot)
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    viewer_model.layers.remove("cells tracked")
    settle(dock, qtbot)
    assert len(warnings) == 1
    assert "Cancelled" in said(second)
    assert second.corrector is None
    assert not second.form.job.is_running


def test_a_dock_that_comes_back_shows_its_own_run(
    dock, docks, viewer_model, qtbot, window, gate
):
    start_tracking(dock, gate, qtbot)
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    check_that_it_runs(second, qtbot)
    window.setCentralWidget(dock)
    assert not second.form.job.is_running
    check_that_it_runs(dock, qtbot)
    dock.form.job.cancel_button.click()
    settle(dock, qtbot)
    assert not dock.form.job.is_running
    assert "Cancelled" in said(dock)
    # Qt deletes what a window holds.
    window.takeCentralWidget()


def test_a_closed_dock_that_is_deleted_runs_nothing_more(
    docks, viewer_model, qtbot, gate
):
    add_movie(viewer_model)
    first = TimeDock(viewer_model)
    gate.is_open = False
    second = docks(TimeDock, viewer_model)
    first.form.track.click()
    qtbot.waitUntil(lambda: gate.n_started == 1, timeout=30_000)
    first.reviews.leave()
    first.runs.left.add(first.runs)
    check_that_it_runs(second, qtbot)
    first.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not second.form.job.is_running
    assert second.form.track.isEnabled()
