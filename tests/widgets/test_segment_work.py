"""The main dock is closed, and opened again."""

import json
import time

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QMainWindow, QMessageBox

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.session.actions import ActionKind
from napari_segment_anything.session.jobs import LoadedModel
from napari_segment_anything.widgets import segment_work
from napari_segment_anything.widgets.segment_dock import SegmentDock

pytestmark = pytest.mark.gui
DISK, SECOND_DISK = (24, 104), (68, 66)


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    return window


@pytest.fixture
def open_dock(docks, viewer_model, window, qtbot):
    """Opens a dock as napari does: a new one each time."""

    def open_dock():
        dock = docks(SegmentDock, viewer_model)
        window.setCentralWidget(dock)
        settle(qtbot, dock)
        return dock

    return open_dock


@pytest.fixture
def dock(open_dock, viewer_model, movie, qtbot):
    """Annotates the movie, under which another image lies."""
    viewer_model.add_image(movie, name="movie", axis_labels=("t", "y", "x"))
    viewer_model.add_image(np.zeros((40, 50), np.uint8), name="other")
    viewer_model.dims.set_point(0, 0)
    dock = open_dock()
    dock.form.image.choose(viewer_model.layers["movie"])
    dock.form.start.click()
    settle(qtbot, dock)
    return dock


def settle(qtbot, dock):
    def is_idle():
        thinks = any(one.is_thinking for one in dock.annotators.every)
        busy = dock.jobs.worker.is_busy or dock._model_list.is_busy or thinks
        return not (busy or dock.work.records.is_busy)

    qtbot.waitUntil(is_idle, timeout=20_000)


def close(dock):
    """As napari does it when its X is clicked; the dock itself stays."""
    dock.setParent(None)


def click(annotator, place):
    annotator.layers.prompts.points.add([0, *place])


def accept(dock, place, qtbot):
    click(dock.annotator, place)
    settle(qtbot, dock)
    dock.form.accept.click()


def bound(target):
    return {str(key) for key in target.keymap}


def test_the_next_dock_goes_on_with_all_that_was_made(
    dock, open_dock, viewer_model, qtbot, tmp_path, monkeypatch
):
    accept(dock, DISK, qtbot)
    dock.form.everything_plane.click()
    settle(qtbot, dock)
    click(dock.annotator, (5, 5))
    dock.form.preferences.class_id.setValue(3)
    annotator, labels = dock.annotator, dock.annotator.layers.results.layer
    names, before = [layer.name for layer in viewer_model.layers], labels.data.copy()
    close(dock)
    assert dock.annotator is None
    again = open_dock()
    assert again.annotator is annotator
    assert [layer.name for layer in viewer_model.layers] == names
    assert not again.form.start.isEnabled()
    assert again.form.model.button.text() == "Loaded"
    assert again.form.preferences.class_id.value() == 3
    # What everything mode has found is filtered as before.
    assert again.form.review.area.isEnabled()
    path = tmp_path / "movie.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    assert list(again.annotators.unsaved()) == ["movie"]
    again.form.save_record.click()
    settle(qtbot, again)
    actions = [action["kind"] for action in json.loads(path.read_text())["actions"]]
    assert actions[0] == str(ActionKind.ACCEPT)
    assert len(actions) == 2
    assert not again.annotators.unsaved()
    # The point, what was filled in, the object, and the first click.
    np.testing.assert_array_equal(labels.data, before)
    for _ in range(2):
        again.form.undo.click()
    assert np.unique(labels.data).tolist() == [0, 1]
    for _ in range(2):
        again.form.undo.click()
    assert not labels.data.any()
    assert not again.form.undo.isEnabled()
    settle(qtbot, again)


def test_nothing_answers_while_no_dock_is_open(dock, open_dock, viewer_model, qtbot):
    accept(dock, DISK, qtbot)
    click(dock.annotator, SECOND_DISK)
    settle(qtbot, dock)
    annotator = dock.annotator
    layers, labels = annotator.layers, annotator.layers.results.layer
    assert layers.preview.layer.data.any()
    close(dock)
    assert not layers.preview.layer.data.any()
    # A click does not even draw a point.
    assert layers.prompts.points.mode == "pan_zoom"
    assert "N" not in bound(viewer_model)
    assert all("N" not in bound(layer) for layer in layers.all)
    # The usual key of undo is held: the layer would not tell what it takes back.
    assert "Ctrl+Z" in bound(labels)
    before = labels.data.copy()
    next(call for key, call in labels.keymap.items() if str(key) == "Ctrl+Z")(labels)
    np.testing.assert_array_equal(labels.data, before)
    # What is drawn and painted all the same is noted, and not answered.
    layers.prompts.points.add([0, 70, 70])
    labels.data_setitem(tuple(np.array([n]) for n in (0, 90, 5)), 9)
    viewer_model.dims.set_point(0, 1)
    layers.prompts.points.add([1, *DISK])
    viewer_model.dims.set_point(0, 0)
    qtbot.wait(300)
    assert not annotator.is_thinking
    assert not layers.preview.layer.data.any()
    assert len(layers.prompts.points.data) == 3
    again = open_dock()
    assert layers.preview.layer.data.any()
    assert layers.prompts.points.mode == "add"
    assert again.form.accept.isEnabled()
    assert "N" in bound(viewer_model)
    assert all({"N", "Ctrl+Z"} <= bound(layer) for layer in layers.all)
    for n_points in (2, 2, 1):
        again.form.undo.click()
        settle(qtbot, again)
        assert len(layers.prompts.points.data) == n_points
    assert labels.data[0, 90, 5] == 0
    assert np.unique(labels.data).tolist() == [0, 1]


def test_what_was_accepted_becomes_an_object_after_the_dock_is_closed(
    dock, open_dock, slow_predictor, viewer_model, qtbot
):
    dock.annotators.set_model(slow_predictor, dock.workbench.store)
    settle(qtbot, dock)
    viewer_model.dims.set_point(0, 1)
    annotator, labels = dock.annotator, dock.annotator.layers.results.layer
    annotator.layers.prompts.points.add([1, 26, 109])
    dock.commands.by_key["N"]()
    assert annotator.acceptance.is_due
    close(dock)
    assert annotator.is_thinking
    qtbot.waitUntil(lambda: labels.data[1, 26, 109] == 1, timeout=10_000)
    assert not annotator.layers.preview.layer.data.any()
    assert open_dock().form.undo.isEnabled()


def test_what_a_job_finds_meanwhile_is_filled_in(
    dock, open_dock, slow_predictor, viewer_model, qtbot
):
    labels = dock.annotator.layers.results.layer
    dock.workbench.model = LoadedModel("nano", slow_predictor, "cpu")
    viewer_model.dims.set_point(0, 1)
    dock.form.everything_plane.click()
    close(dock)
    assert dock.jobs.worker.is_busy
    qtbot.waitUntil(lambda: not dock.jobs.worker.is_busy, timeout=10_000)
    assert labels.data[1].any()
    again = open_dock()
    assert again.form.review.area.isEnabled()
    again.form.undo.click()
    assert not labels.data.any()


def test_the_next_dock_shows_the_job_that_runs_and_cancels_it(
    dock, docks, viewer_model, qtbot
):
    def waits():
        while True:
            yield Progress("embed", 1, 3)
            time.sleep(0.01)

    assert dock.jobs.worker.start(waits())
    close(dock)
    again = docks(SegmentDock, viewer_model)
    assert again.form.job.is_running
    assert not again.form.everything_plane.isEnabled()
    qtbot.waitUntil(lambda: again.form.job.bar.value() == 1, timeout=5_000)
    again.form.job.cancel_button.click()
    settle(qtbot, again)
    assert again.form.job.status.text() == "Cancelled."
    assert not again.form.job.is_running
    assert again.form.everything_plane.isEnabled()


def test_what_fails_meanwhile_is_said_all_the_same(dock, monkeypatch, qtbot):
    shown = []
    monkeypatch.setattr(segment_work, "show_error", shown.append)

    def fails():
        yield
        raise OSError("disk went away")

    assert dock.jobs.worker.start(fails())
    close(dock)
    qtbot.waitUntil(lambda: len(shown) == 1, timeout=5_000)
    assert "disk went away" in shown[0]


def test_a_dock_that_comes_back_goes_on_itself(dock, window, qtbot):
    accept(dock, DISK, qtbot)
    annotator = dock.annotator
    close(dock)
    window.setCentralWidget(dock)
    assert dock.annotator is annotator
    accept(dock, SECOND_DISK, qtbot)
    assert len(annotator.session.objects) == 2


def test_keys_are_those_of_the_newest_dock_that_is_open(dock, viewer_model, qtbot):
    other = SegmentDock(viewer_model)
    settle(qtbot, other)
    assert other.annotators is dock.annotators
    with qtbot.waitSignal(other.destroyed):
        other.deleteLater()
    click(dock.annotator, DISK)
    settle(qtbot, dock)
    points = dock.annotator.layers.prompts.points
    next(call for key, call in points.keymap.items() if str(key) == "N")(points)
    assert len(dock.annotator.session.objects) == 1


@pytest.mark.parametrize("is_saved", [True, False])
def test_the_window_asks_although_the_dock_is_closed(
    dock, window, qtbot, tmp_path, monkeypatch, is_saved
):
    window.show()
    accept(dock, DISK, qtbot)
    close(dock)
    path, asked = tmp_path / "movie.json", []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    buttons = QMessageBox.StandardButton

    def ask(parent, names):
        asked.append((parent, names))
        return buttons.Save if is_saved else buttons.Cancel

    dock.work.guard.ask = ask
    QTimer.singleShot(0, window.close)
    qtbot.waitUntil(lambda: bool(asked), timeout=5_000)
    assert asked == [(window, ["movie"])]
    if is_saved:
        qtbot.waitUntil(lambda: not window.isVisible(), timeout=10_000)
        assert path.exists()
    else:
        qtbot.wait(100)
        assert window.isVisible()
