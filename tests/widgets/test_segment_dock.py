import re
import threading
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels, Tracks
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QAbstractButton, QFileDialog, QMessageBox

from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.errors import CheckpointError
from napari_segment_anything.models import load
from napari_segment_anything.session.jobs import LoadedModel, ModelChoice
from napari_segment_anything.session.record import Record
from napari_segment_anything.widgets import dock as dock_module
from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.embeddings_dock import EmbeddingsDock
from napari_segment_anything.widgets.segment_dock import SegmentDock

pytestmark = pytest.mark.gui


@pytest.fixture
def notified(monkeypatch):
    """Sentences that were shown to the user."""
    messages = []
    monkeypatch.setattr(dock_module, "show_error", messages.append)
    return messages


@pytest.fixture
def loads(monkeypatch, predictor):
    """Loading a model gives the bright predictor; in which threads it happened."""
    threads = []

    def load_model(name, device=None):
        threads.append(threading.current_thread())
        return predictor

    monkeypatch.setattr(load, "load_model", load_model)
    return threads


@pytest.fixture
def make_dock(qtbot):
    docks = []

    def make(viewer):
        dock = SegmentDock(viewer)
        # Not deleted by qtbot before its threads are done.
        docks.append(dock)
        return dock

    yield make
    for dock in docks:
        dock.jobs.worker.cancel()
        qtbot.waitUntil(lambda dock=dock: is_idle(dock), timeout=10_000)
        dock.close()
        dock.deleteLater()


def is_idle(dock):
    annotator = dock.annotator
    thinks = annotator is not None and annotator.is_thinking
    return not (dock.jobs.worker.is_busy or dock._model_list.is_busy or thinks)


@pytest.fixture
def dock(make_dock, viewer_model, movie, loads, notified):
    viewer_model.add_image(movie, name="movie", axis_labels=("t", "y", "x"))
    viewer_model.dims.set_point(0, 0)
    return make_dock(viewer_model)


@pytest.fixture
def settle(qtbot, dock):
    def wait():
        qtbot.waitUntil(lambda: is_idle(dock), timeout=20_000)

    return wait


def test_start_adds_layers_and_loads_the_model_in_a_thread(
    dock, settle, viewer_model, loads
):
    assert dock.form.start.isEnabled()
    assert not dock.form.accept.isEnabled()
    dock.form.start.click()
    settle()
    assert [layer.name for layer in viewer_model.layers] == [
        "movie",
        "SAM objects",
        "SAM preview",
        "SAM boxes",
        "SAM points",
    ]
    assert viewer_model.layers.selection.active.mode == "add"
    assert loads[0] is not threading.main_thread()
    assert not dock.form.start.isEnabled()
    assert dock.form.model.button.text() == "Loaded"


def test_a_dock_that_is_opened_later_uses_the_model_that_is_loaded(
    make_dock, viewer_model, movie, predictor, loads, qtbot
):
    viewer_model.add_image(movie, name="movie", axis_labels=("t", "y", "x"))
    viewer_model.dims.set_point(0, 0)
    # What loads it may be another dock, which is held by the same workbench.
    embeddings = EmbeddingsDock(viewer_model)
    embeddings.form.ahead.setChecked(False)
    embeddings.workbench.model = LoadedModel("my.pt", predictor, "cpu")
    dock = make_dock(viewer_model)
    qtbot.waitUntil(lambda: is_idle(dock), timeout=10_000)
    assert dock.form.model.model == "my.pt"
    assert dock.form.model.button.text() == "Loaded"
    dock.form.start.click()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    qtbot.waitUntil(dock.form.accept.isEnabled, timeout=10_000)
    assert not loads
    qtbot.waitUntil(lambda: not embeddings._sizes.is_busy, timeout=10_000)
    embeddings.deleteLater()


def test_a_weights_file_stays_chosen_when_models_are_listed_anew(dock, settle):
    row = dock.form.model
    row.choose("/weights/my.pt")
    dock.form.start.click()
    settle()
    assert (row.model, row.combo.currentText()) == ("/weights/my.pt", "my.pt")
    assert row.button.text() == "Loaded"


def test_buttons_are_enabled_when_they_can_do_something(dock, settle):
    form = dock.form
    dock.form.start.click()
    settle()
    assert not form.accept.isEnabled()
    assert not form.clear.isEnabled()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    assert form.accept.isEnabled()
    assert form.clear.isEnabled()
    assert form.undo.isEnabled()
    assert not form.redo.isEnabled()
    assert not form.save_record.isEnabled()
    assert not form.next.isEnabled()
    form.accept.click()
    assert not form.accept.isEnabled()
    assert form.save_record.isEnabled()
    assert form.next.isEnabled()
    assert dock.annotator.layers.results.layer.data[0].any()
    form.undo.click()
    assert not dock.annotator.layers.results.layer.data.any()
    assert form.redo.isEnabled()
    form.redo.click()
    settle()
    assert not form.delete.isEnabled()
    form.next.click()
    settle()
    assert form.delete.isEnabled()
    form.delete.click()
    settle()
    assert not dock.annotator.layers.results.layer.data.any()
    assert not form.next.isEnabled()


def test_the_status_says_nothing_of_a_mask_that_is_gone(dock, settle, viewer_model):
    said, form = dock.form.job.status.text, dock.form
    form.start.click()
    settle()
    points = dock.annotator.layers.prompts.points

    def draw():
        points.add([0, 24, 104])
        settle()
        assert "predicted IoU" in said()

    draw()
    form.clear.click()
    assert said().startswith("Ready")
    settle()
    dock.commands.by_key["N"]()
    assert said().startswith("Nothing is outlined")
    draw()
    points.selected_data = {0}
    points.remove_selected()
    assert said().startswith("Ready")
    draw()
    viewer_model.dims.set_point(0, 1)
    assert said().startswith("Ready")
    settle()
    viewer_model.dims.set_point(0, 0)
    settle()
    # One undo takes the point away, and says so.
    form.undo.click()
    assert said() == "Undone: prompt."


def test_another_image_and_none_are_told(dock, settle, viewer_model, movie):
    form = dock.form
    form.start.click()
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    other = viewer_model.add_image(movie[0], name="other")
    form.image.choose(other)
    assert form.job.status.text() == ""
    viewer_model.layers.clear()
    assert form.job.status.text() == "Open an image first."


def test_every_button_with_a_key_names_it_in_its_tooltip(dock, settle):
    settle()
    buttons = dock.form.findChildren(QAbstractButton)
    keyed = [b for b in buttons if re.search(r"\((Shift\+)?[A-Z]\)$", b.text())]
    assert len(keyed) == 15
    for button in keyed:
        key = button.text().rpartition("(")[2].rstrip(")")
        assert button.toolTip().endswith(f"Key: {key}")


def test_the_keys_on_the_buttons_work_on_every_layer(dock, settle, viewer_model):
    dock.form.start.click()
    settle()
    layers = dock.annotator.layers
    for target in (viewer_model, layers.prompts.boxes, layers.results.layer):
        layers.prompts.points.add([0, 24, 104])
        settle()
        press(target, "N")
        assert layers.results.layer.data[0].any()
        press(target, "U")
        assert not layers.results.layer.data.any()
        press(target, "Q")
        assert len(layers.prompts.points.data) == 0
        press(target, "W")
        assert layers.prompts.polarity == "outside"
        assert dock.form.outside.isChecked()
        press(target, "W")
        assert dock.form.inside.isChecked()
        press(target, "G")
        assert viewer_model.layers.selection.active is layers.prompts.boxes
        assert dock.form.box.isChecked()
        press(target, "G")
        assert viewer_model.layers.selection.active is layers.prompts.points
        choices = dock.form.preferences.preferences
        press(target, "H")
        press(target, "Shift-H")
        press(target, "K")
        other = dock.form.preferences.preferences
        assert other.is_hovering != choices.is_hovering
        assert other.is_turbo != choices.is_turbo
        assert other.settings.size != choices.settings.size
        press(target, "H")
        press(target, "Shift-H")
        press(target, "U")
        press(target, "Shift-U")
        press(target, "Q")
        settle()
    for button, key in (("accept", "N"), ("clear", "Q"), ("undo", "U"), ("box", "G")):
        assert f"({key})" in getattr(dock.form, button).text()


def test_the_usual_undo_keys_work_on_our_layers(dock, settle):
    dock.form.start.click()
    settle()
    layers = dock.annotator.layers
    layers.prompts.points.add([0, 24, 104])
    settle()
    dock.form.accept.click()
    for target in layers.all:
        press(target, "Ctrl+Z")
        assert not layers.results.layer.data.any()
        press(target, "Ctrl+Shift+Z")
        assert layers.results.layer.data.any()
    settle()


def test_no_key_of_napari_is_taken():
    """Letters alone or with Shift that napari itself binds on any layer or viewer."""
    from napari.utils.shortcuts import default_shortcuts

    taken = {str(key) for bound in default_shortcuts.values() for key in bound}
    ours = {value for name, value in vars(keys).items() if name.endswith("_KEY")} - {
        keys.USUAL_UNDO_KEY,
        keys.USUAL_REDO_KEY,
    }
    assert len(ours) == 16
    assert not taken & ours


def test_the_cheat_sheet_has_every_key(dock, qtbot):
    listed = {entry.key for entry in keys.CHEAT_SHEET}
    assert listed > set(dock.commands.by_key)
    dock.form.keys.click()
    sheet = dock.commands._cheat_sheet
    assert sheet.isVisible()
    sheet.close()


def test_preferences_hold_for_every_image(dock, settle, viewer_model, movie):
    form = dock.form.preferences
    form.smooth.setValue(2)
    form.turbo.setChecked(True)
    dock.form.start.click()
    settle()
    assert dock.annotator.acceptance.is_turbo
    assert dock.annotator.settings.options.smooth == 2
    viewer_model.dims.set_point(0, 0)
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    assert dock.annotator.layers.results.layer.data[0, 24, 104] == 1
    form.may_overwrite.setChecked(True)
    assert dock.annotator.acceptance.may_overwrite


def test_the_record_is_saved_and_loaded_again(
    dock, settle, qtbot, monkeypatch, tmp_path
):
    dock.form.start.click()
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    dock.form.accept.click()
    path = tmp_path / "cells.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    dock.form.save_record.click()
    qtbot.waitUntil(lambda: not dock.work.records.is_busy, timeout=10_000)
    assert dock.form.job.status.text() == "Wrote cells.json."
    (action,) = Record.load(path).actions
    assert action.ids == (1,)
    assert action.model_digest == "b" * 64


def test_closing_saves_what_was_made_in_an_image_that_is_not_chosen_any_more(
    dock, settle, viewer_model, monkeypatch, tmp_path, qtbot
):
    dock.form.start.click()
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    dock.form.accept.click()
    other = viewer_model.add_image(np.zeros((40, 50), np.uint8), name="other")
    dock.form.image.choose(other)
    assert dock.annotator is None
    path = tmp_path / "movie.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    asked = []
    dock.work.guard.ask = lambda _, names: (
        asked.append(names) or QMessageBox.StandardButton.Save
    )
    assert dock.work.guard.must_stay(dock)
    qtbot.waitUntil(path.exists, timeout=10_000)
    qtbot.waitUntil(lambda: not dock.work.records.is_busy, timeout=10_000)
    assert len(Record.load(path).actions) == 1
    # Nothing is left to be asked about.
    assert not dock.work.guard.must_stay(dock)
    assert asked == [["movie"]]


def test_layers_that_were_deleted_are_offered_back(dock, settle, viewer_model):
    dock.form.start.click()
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    dock.form.accept.click()
    viewer_model.layers.remove("SAM objects")
    assert dock.form.start.text() == "Bring layers back"
    assert dock.form.start.isEnabled()
    assert "Bring layers back" in dock.form.job.status.text()
    dock.form.start.click()
    settle()
    assert viewer_model.layers["SAM objects"].data.any()
    assert not dock.form.start.isEnabled()


def test_layers_come_back_at_their_place(dock, settle, viewer_model):
    dock.form.start.click()
    settle()
    names = [layer.name for layer in viewer_model.layers]
    for lost in (names[1:], ["SAM objects", "SAM points"], ["SAM preview"]):
        for name in lost:
            viewer_model.layers.remove(name)
        assert "removed" in dock.form.job.status.text()
        dock.form.start.click()
        settle()
        assert dock.form.job.status.text().startswith("Ready")
        assert [layer.name for layer in viewer_model.layers] == names
        assert viewer_model.layers.selection.active.name == "SAM points"


def make_object(dock, settle):
    dock.form.start.click()
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    dock.form.accept.click()
    settle()


def test_an_image_whose_objects_no_record_holds_is_offered_back(
    dock, settle, viewer_model
):
    make_object(dock, settle)
    form, names = dock.form, [layer.name for layer in viewer_model.layers]
    annotator = dock.annotator
    viewer_model.layers.clear()
    assert "Bring image back" in form.job.status.text()
    assert not form.bring_back.isHidden()
    assert list(dock.annotators.unsaved()) == ["movie"]
    form.bring_back.click()
    settle()
    assert [layer.name for layer in viewer_model.layers] == names
    assert form.bring_back.isHidden()
    assert dock.annotator is annotator
    # Everything can still be undone, and more be drawn.
    form.undo.click()
    settle()
    assert not annotator.layers.results.layer.data.any()
    form.accept.click()
    settle()
    assert annotator.layers.results.layer.data.any()


def test_images_are_offered_back_until_another_one_is_annotated(
    dock, settle, viewer_model, movie
):
    images = [viewer_model.layers["movie"]]
    for name in ("second", "third"):
        make_object(dock, settle)
        axes = ("t", "y", "x")
        images.append(viewer_model.add_image(movie, name=name, axis_labels=axes))
        dock.form.image.choose(images[-1])
    viewer_model.layers.clear()
    # Both of them, where all was removed at once.
    brought = []
    while not dock.form.bring_back.isHidden():
        dock.form.bring_back.click()
        settle()
        brought.append(dock.form.image.layer.name)
    assert sorted(brought) == ["movie", "second"]
    assert all(image in viewer_model.layers for image in images[:2])
    viewer_model.layers.clear()
    another = viewer_model.add_image(movie, name="another", axis_labels=axes)
    assert not dock.form.bring_back.isHidden()
    dock.form.image.choose(another)
    dock.form.start.click()
    settle()
    # The offer ends, one image stays in memory, and is asked about at the end.
    assert dock.form.bring_back.isHidden()
    assert len(dock.annotators.unsaved()) == 1


def test_an_image_is_let_go_when_a_record_holds_what_was_made_in_it(
    dock, settle, viewer_model, movie
):
    make_object(dock, settle)
    session = dock.annotator.session
    viewer_model.layers.remove("movie")
    session.note_saved(session.record(movie.shape))
    assert dock.annotators.lost_image is None
    assert not dock.annotators.unsaved()
    # One without objects is let go at once.
    again = viewer_model.add_image(movie, name="again", axis_labels=("t", "y", "x"))
    dock.form.image.choose(again)
    dock.form.start.click()
    settle()
    viewer_model.layers.remove("again")
    assert dock.form.bring_back.isHidden()


def test_an_image_that_gets_another_shape_needs_new_layers(dock, settle, viewer_model):
    make_object(dock, settle)
    old, image = dock.annotator, viewer_model.layers["movie"]
    image.data = image.data[:, :60]
    assert "another shape" in dock.form.job.status.text()
    assert dock.form.start.text() == "Start annotating"
    assert dock.form.start.isEnabled()
    # Nothing is asked about pixels that are not there any more.
    old.layers.prompts.points.add([0, 40, 30])
    settle()
    assert "another shape" in dock.form.job.status.text()
    assert old.session.response is None
    dock.form.start.click()
    settle()
    assert dock.annotator is not old
    assert old.layers.results.layer in viewer_model.layers
    assert not dock.form.start.isEnabled()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    assert dock.form.accept.isEnabled()
    # What was made before is still asked for when the window is closed.
    assert dock.annotators.unsaved() == {"movie": old}


def press(target, key):
    """Call what a key is bound to, as napari does."""
    bound = {str(k): function for k, function in target.keymap.items()}
    bound[key.replace("-", "+")](target)


def test_everything_on_this_plane_keeps_what_is_there(
    dock, settle, disks_image, viewer_model
):
    dock.form.start.click()
    settle()
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    dock.annotator.accept()
    labels = dock.annotator.layers.results.layer.data
    accepted = labels[0] == 1
    dock.form.everything_plane.click()
    settle()
    np.testing.assert_array_equal(labels[0] == 1, accepted)
    assert len(np.unique(labels[0])) - 1 == disks_image.n_disks
    assert not labels[1:].any()
    assert "Found 6 objects; 1 were there already." in dock.form.job.status.text()
    dock.form.undo.click()
    np.testing.assert_array_equal(labels[0] > 0, accepted)


def test_everything_through_time_adds_labels_and_tracks(
    dock, settle, viewer_model, qtbot
):
    dock.form.everything_time.click()
    settle()
    tracked = [layer for layer in viewer_model.layers if isinstance(layer, Labels)]
    (labels,) = tracked
    assert labels.data.shape == (3, 96, 128)

    def paths():
        return [layer for layer in viewer_model.layers if isinstance(layer, Tracks)]

    qtbot.waitUntil(lambda: bool(paths()), timeout=10_000)
    (tracks,) = paths()
    # The track of each labelled object passes through it.
    for track_id, t, y, x in tracks.data:
        assert labels.data[int(t), round(y), round(x)] == track_id
    assert "tracks" in dock.form.job.status.text()


def test_the_window_stays_responsive_while_a_plane_is_encoded(
    dock, settle, slow_predictor, monkeypatch, qtbot
):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: slow_predictor)
    dock.form.start.click()
    settle()
    ticks = []
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    # Another frame, which has no embedding yet, and a click that waits for it.
    dock._viewer.dims.set_point(0, 1)
    dock.annotator.layers.prompts.points.add([1, 26, 109])
    started = time.perf_counter()
    qtbot.waitUntil(lambda: dock.annotator.session.can_accept, timeout=20_000)
    took = time.perf_counter() - started
    timer.stop()
    assert took > 0.6
    gaps = np.diff(ticks)
    # The encoder works for a while without a break; the rest is left to a machine
    # that may be busy with other things.
    assert gaps.max() < 0.7
    assert np.percentile(gaps, 95) < 0.05


def test_clicks_while_a_plane_is_encoded_are_answered_once(
    dock, settle, slow_predictor, monkeypatch, qtbot
):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: slow_predictor)
    dock.form.start.click()
    qtbot.waitUntil(lambda: dock.jobs.model is not None, timeout=10_000)
    asked = []
    answer = PlanePredictor.answer

    def counted(self, prompts, **options):
        asked.append(prompts)
        return answer(self, prompts, **options)

    monkeypatch.setattr(PlanePredictor, "answer", counted)
    points = dock.annotator.layers.prompts.points
    for x in range(100, 108):
        points.add([0, 24, x])
    settle()
    # One that was under way and one more, no matter how many clicks came meanwhile.
    assert len(asked) <= 2
    assert asked[-1].points.shape[1] == 8
    assert dock.annotator.session.can_accept


def test_a_job_can_be_cancelled(dock, settle, viewer_model, qtbot, predictor):
    dock.form.start.click()
    settle()
    propose = predictor.propose

    def slow_propose(embedding):
        time.sleep(0.1)
        return propose(embedding)

    predictor.propose = slow_propose
    dock.form.everything_time.click()
    assert dock.form.job.cancel_button.isEnabled()
    assert not dock.form.everything_plane.isEnabled()
    dock.form.job.cancel_button.click()
    settle()
    assert dock.form.job.status.text() == "Cancelled."
    assert not [layer for layer in viewer_model.layers if isinstance(layer, Tracks)]
    assert dock.form.everything_plane.isEnabled()


def test_a_model_that_cannot_be_loaded_is_a_notification(
    dock, settle, monkeypatch, notified
):
    def load_model(name, device=None):
        raise CheckpointError("This file is damaged; download it again.")

    monkeypatch.setattr(load, "load_model", load_model)
    dock.form.start.click()
    settle()
    assert notified == ["This file is damaged; download it again."]
    assert dock.form.job.status.text() == notified[0]
    assert dock.form.model.button.isEnabled()


def test_an_unexpected_error_is_a_notification_too(
    dock, settle, predictor, notified, caplog
):
    dock.form.start.click()
    settle()

    def decode(*args, **kwargs):
        raise ZeroDivisionError("division by zero")

    predictor._sam.decode = decode
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    assert len(notified) == 1
    assert "ZeroDivisionError" in notified[0]
    assert "Unexpected" in caplog.text


@pytest.mark.parametrize(
    ("axes", "word"), [("TZ", "dimensions"), ("TTYX", "twice"), ("ABYX", "unknown")]
)
def test_wrong_axes_are_a_notification(
    make_dock, viewer_model, loads, notified, axes, word, settle_all
):
    viewer_model.add_image(np.zeros((5, 6, 20, 20), np.uint8))
    dock = make_dock(viewer_model)
    dock.form.axes.setCurrentText(axes)
    dock.form.start.click()
    settle_all(dock)
    assert len(notified) == 1
    assert word in notified[0]
    assert dock.annotator is None


@pytest.fixture
def settle_all(qtbot):
    def wait(dock):
        qtbot.waitUntil(lambda: is_idle(dock), timeout=20_000)

    return wait


def test_a_constant_plane_finds_nothing_and_says_so(
    make_dock, viewer_model, loads, notified, settle_all
):
    viewer_model.add_image(np.full((40, 40), 7, np.uint8))
    dock = make_dock(viewer_model)
    dock.form.everything_plane.click()
    settle_all(dock)
    assert "Found 0 objects" in dock.form.job.status.text()
    assert notified == []


def test_axes_follow_labels_and_can_be_changed_until_something_is_drawn(
    make_dock, viewer_model, movie, loads, notified, settle_all
):
    viewer_model.add_image(movie, axis_labels=("z", "y", "x"))
    dock = make_dock(viewer_model)
    assert dock.form.axes.currentText() == "ZYX"
    dock.form.start.click()
    settle_all(dock)
    dock.form.axes.setCurrentText("tyx")
    dock.form.axes.lineEdit().editingFinished.emit()
    assert dock.annotator.layers.axes == "TYX"
    assert len(viewer_model.layers) == 5
    dock.annotator.layers.prompts.points.add([0, 24, 104])
    settle_all(dock)
    dock.form.axes.setCurrentText("ZYX")
    dock.form.axes.lineEdit().editingFinished.emit()
    assert dock.annotator.layers.axes == "TYX"
    assert dock.form.axes.currentText() == "TYX"


def test_what_the_slider_means_is_asked_once(
    make_dock, viewer_model, movie, loads, notified, settle_all
):
    viewer_model.add_image(movie, name="unnamed")
    viewer_model.dims.set_point(0, 0)
    dock = make_dock(viewer_model)
    dock.form.everything_plane.click()
    question = dock.form.question
    assert not question.isHidden()
    assert dock.annotator is None
    assert [button.text() for button in question.buttons] == [
        "Time",
        "Depth",
        "Channel",
    ]
    question.buttons[1].click()
    settle_all(dock)
    # The work that was wanted went on, with the answer.
    assert question.isHidden()
    assert dock.annotator.layers.axes == "ZYX"
    assert dock.annotator.layers.results.layer.data[0].any()
    dock.form.start.click()
    settle_all(dock)
    assert question.isHidden()
    assert dock.form.axes.currentText() == "ZYX"


def test_a_model_that_is_not_here_is_not_downloaded_by_start(dock, settle, loads):
    settle()
    choices = [ModelChoice("vit_b", "all", "Apache-2.0", False, 375_042_383)]
    dock.form.model.set_choices(choices)
    dock.form.model.choose("vit_b")
    assert dock.form.model.button.text() == "Get 375 MB"
    dock.form.start.click()
    settle()
    assert loads == []
    assert "not on this computer" in dock.form.job.status.text()


def test_two_viewers_do_not_know_each_other(
    make_dock, movie, loads, notified, settle_all
):
    docks = []
    for _ in range(2):
        viewer = ViewerModel()
        viewer.add_image(movie, axis_labels=("t", "y", "x"))
        viewer.dims.set_point(0, 0)
        docks.append(make_dock(viewer))
        docks[-1].form.start.click()
        settle_all(docks[-1])
    docks[0].annotator.layers.prompts.points.add([0, 24, 104])
    settle_all(docks[0])
    docks[0].annotator.accept()
    assert docks[0].annotator.layers.results.layer.data.any()
    assert not docks[1].annotator.layers.results.layer.data.any()
    assert not docks[1].annotator.session.can_undo


def test_the_image_list_follows_the_viewer(dock, settle, viewer_model, movie):
    settle()
    combo = dock.form.image
    second = viewer_model.add_image(movie[0], name="second")
    assert combo.count() == 2
    combo.choose(second)
    assert dock.form.axes.currentText() == "YX"
    assert not dock.form.everything_time.isEnabled()
    second.name = "renamed"
    assert combo.currentText() == "renamed"
    viewer_model.layers.remove(second)
    assert combo.currentText() == "movie"


def test_removing_the_image_while_it_is_encoded_is_harmless(
    dock, settle, slow_predictor, monkeypatch, viewer_model, qtbot
):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: slow_predictor)
    dock.form.start.click()
    qtbot.waitUntil(lambda: dock.jobs.model is not None, timeout=10_000)
    assert dock.annotator.is_thinking
    viewer_model.layers.remove("movie")
    assert dock.annotator is None
    assert not dock.form.start.isEnabled()
    qtbot.wait(1300)
    assert "SAM objects" in viewer_model.layers


def test_closing_releases_keys_and_viewer(make_dock, viewer_model, movie, loads, qtbot):
    viewer_model.add_image(movie)
    dock = SegmentDock(viewer_model)
    qtbot.waitUntil(lambda: is_idle(dock), timeout=10_000)
    assert any(str(key) == "N" for key in viewer_model.keymap)
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    assert not any(str(key) == "N" for key in viewer_model.keymap)
    # Nothing of the dock reacts any more; a deleted widget would raise here.
    viewer_model.layers.selection.active = None
    viewer_model.add_image(movie)
    viewer_model.layers.clear()
