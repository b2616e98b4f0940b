"""What is still to be done when the dock *Time* is closed."""

import numpy as np
import pytest
from qtpy.QtWidgets import QMainWindow

from dividing_movie import dividing_movie
from napari_segment_anything.widgets import left_tracks, mask_asker
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import add_movie, settle, track

pytestmark = pytest.mark.gui


@pytest.fixture
def warnings(monkeypatch):
    shown = []
    monkeypatch.setattr(left_tracks, "show_warning", shown.append)
    return shown


@pytest.fixture
def dock(docks, viewer_model, qtbot, warnings):
    """A dock with tracks; object 1 is missing in frame 3, which is shown."""
    add_movie(viewer_model)
    window = QMainWindow()
    qtbot.addWidget(window)
    dock = docks(TimeDock, viewer_model)
    window.setCentralWidget(dock)
    corrector = track(dock, qtbot)
    labels = corrector.layers.labels.data
    true = dividing_movie()
    one = int(np.bincount(labels[0][true[0] == 1]).argmax())
    labels[3][labels[3] == one] = 0
    corrector.tracks.note_painting(3)
    viewer_model.dims.set_point(0, 3)
    corrector.picker.pick(one)
    settle(dock, qtbot)
    yield dock
    settle(dock, qtbot)
    window.close()


def outline(dock):
    """Click on the missing object."""
    dock.form.review.prompt.click()
    prompts = dock.corrector.prompts
    prompts.layers.prompts.points.add(np.array([[3.0, 23.0, 16.0]]))
    return prompts


def taken_by_another(docks, viewer_model, qtbot):
    second = docks(TimeDock, viewer_model)
    qtbot.waitUntil(lambda: second.corrector is not None, timeout=30_000)
    settle(second, qtbot)
    return second


def test_an_outline_that_was_accepted_is_put_into_its_track(
    dock, docks, viewer_model, qtbot, warnings
):
    corrector, one = dock.corrector, dock.corrector.selected
    prompts = outline(dock)
    prompts.accept()
    # The model has not answered yet.
    assert prompts.is_due
    assert one not in corrector.layers.labels.data[3]
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    # Nobody corrects what is still being corrected.
    assert second.corrector is None
    qtbot.waitUntil(lambda: second.corrector is not None, timeout=30_000)
    settle(second, qtbot)
    found = corrector.layers.labels.data[3] == one
    true = dividing_movie()[3] == 1
    assert (found & true).sum() / (found | true).sum() > 0.7
    assert (3, one) in second.corrector.tracks.locked
    assert not prompts.is_open
    assert warnings == []
    while second.corrector.can_undo:
        second.steps.undo()
        settle(second, qtbot)
    assert one not in corrector.layers.labels.data[3]


def test_an_outline_that_was_not_accepted_is_said_to_be_gone(
    dock, docks, viewer_model, qtbot, warnings
):
    n_layers = len(viewer_model.layers)
    prompts = outline(dock)
    dock.setParent(None)
    assert len(warnings) == 1
    assert "before it was accepted" in warnings[0]
    assert not prompts.is_open
    assert len(viewer_model.layers) == n_layers
    taken_by_another(docks, viewer_model, qtbot)


@pytest.mark.parametrize("is_closed", [True, False])
def test_an_accepted_outline_whose_frame_is_left_at_once_is_put_into_its_track(
    dock, docks, viewer_model, qtbot, warnings, is_closed
):
    corrector, one = dock.corrector, dock.corrector.selected
    prompts = outline(dock)
    prompts.accept()
    assert prompts.is_due
    if is_closed:
        dock.setParent(None)
    viewer_model.dims.set_point(0, 1)
    # What is chosen now does not matter any more.
    corrector.layers.labels.selected_label = 0
    if is_closed:
        taken_by_another(docks, viewer_model, qtbot)
    qtbot.waitUntil(lambda: not prompts.is_due, timeout=30_000)
    settle(dock, qtbot)
    found = corrector.layers.labels.data[3] == one
    true = dividing_movie()[3] == 1
    assert (found & true).sum() / (found | true).sum() > 0.7
    assert not prompts.is_open
    assert warnings == []


def test_what_is_drawn_on_the_next_frame_outlives_a_late_mask(
    dock, viewer_model, qtbot
):
    corrector, one = dock.corrector, dock.corrector.selected
    prompts = outline(dock)
    prompts.accept()
    assert not prompts.is_open
    viewer_model.dims.set_point(0, 2)
    chosen = next(i for i in corrector.tracks.tracks if i != one)
    corrector.layers.labels.selected_label = chosen
    dock.form.review.prompt.click()
    points = prompts.layers.prompts.points
    points.add(np.array([[2.0, 23.0, 16.0]]))
    qtbot.waitUntil(lambda: not prompts.is_due, timeout=30_000)
    settle(dock, qtbot)
    assert one in corrector.layers.labels.data[3]
    assert prompts.is_open
    np.testing.assert_array_equal(points.data, [[2.0, 23.0, 16.0]])
    # The late mask takes neither the tool nor the track of the next outline away.
    assert viewer_model.layers.selection.active == points
    assert corrector.selected == chosen
    prompts.end()


def test_an_outline_of_nothing_is_drawn_again(dock, viewer_model, qtbot):
    corrector = dock.corrector
    before = corrector.layers.labels.data[3].copy()
    dock.form.review.prompt.click()
    prompts = corrector.prompts
    points = prompts.layers.prompts.points
    points.add(np.array([[3.0, 1.0, 1.0]]))
    prompts.accept()
    assert prompts.is_due
    viewer_model.dims.set_point(0, 1)
    qtbot.waitUntil(lambda: not prompts.is_due, timeout=30_000)
    settle(dock, qtbot)
    assert prompts.is_open
    np.testing.assert_array_equal(points.data, [[3.0, 1.0, 1.0]])
    np.testing.assert_array_equal(corrector.layers.labels.data[3], before)


def test_an_answer_that_fails_is_said_and_waited_for_no_longer(
    dock, docks, viewer_model, qtbot, warnings, errors, monkeypatch
):
    prompts = outline(dock)
    qtbot.waitUntil(lambda: not prompts.is_busy, timeout=30_000)

    def fail(*_, **__):
        raise RuntimeError("no answer")

    monkeypatch.setattr(mask_asker, "answer_first", fail)
    prompts.layers.prompts.points.add(np.array([[3.0, 25.0, 17.0]]))
    prompts.accept()
    assert prompts.is_due
    dock.setParent(None)
    taken_by_another(docks, viewer_model, qtbot)
    assert len(errors) == 1
    assert len(warnings) == 1


def test_what_was_being_computed_again_is_in_the_tracks(
    dock, docks, viewer_model, qtbot, warnings
):
    corrector, one = dock.corrector, dock.corrector.selected
    viewer_model.dims.set_point(0, 2)
    settle(dock, qtbot)
    dock.form.review.recompute.click()
    assert dock.worker.is_busy
    dock.setParent(None)
    second = taken_by_another(docks, viewer_model, qtbot)
    assert second.corrector.layers is corrector.layers
    # Frame 3, where the object was missing, depends on it.
    assert 3 in second.corrector.tracks.frames_of(one)
    assert one in corrector.layers.labels.data[3]
    assert second.corrector.layers.labels.editable


def test_new_tracking_is_not_waited_for(dock, docks, viewer_model, qtbot, warnings):
    corrector = dock.corrector
    dock.form.track.click()
    assert dock.worker.is_busy
    dock.setParent(None)
    second = docks(TimeDock, viewer_model)
    assert second.corrector.layers is corrector.layers
    qtbot.waitUntil(lambda: second.form.review.which.count() == 2, timeout=30_000)
    settle(second, qtbot)


def test_tracks_whose_labels_are_removed_are_left_to_nobody(
    dock, docks, viewer_model, qtbot, warnings
):
    dock.setParent(None)
    viewer_model.layers.remove("cells tracked")
    assert docks(TimeDock, viewer_model).corrector is None
