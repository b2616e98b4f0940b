"""Tracks of the dock *Time* are saved, and loaded again."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QMainWindow, QMessageBox

from dividing_movie import dividing_movie
from napari_segment_anything.models import load
from napari_segment_anything.storage.ctc import read_ctc, write_ctc
from napari_segment_anything.widgets import dock as dock_module
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import add_deep_movie, picture, settle, track

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def messages(monkeypatch, predictor):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    shown = []
    monkeypatch.setattr(dock_module, "show_error", shown.append)
    return shown


@pytest.fixture
def viewer(viewer_model):
    viewer_model.add_image(
        picture(dividing_movie()), name="cells", axis_labels=tuple("tyx")
    )
    viewer_model.dims.set_point(0, 0)
    return viewer_model


@pytest.fixture
def dock(viewer, qtbot):
    dock = TimeDock(viewer)
    yield dock
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


@pytest.fixture
def deep(qtbot, viewer_model):
    """A dock with two slices that were followed each for itself."""
    add_deep_movie(viewer_model)
    dock = TimeDock(viewer_model)
    track(dock, qtbot)
    yield dock
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


def save(dock, qtbot, path, kind, ending):
    dock.files.save_to(dock.corrector, path, kind, ending)
    settle(dock, qtbot)
    return dock.form.job.status.text()


def load_from(dock, qtbot, path):
    dock.files.load_from(path)
    settle(dock, qtbot)
    return dock.corrector


def test_tracks_are_saved_and_loaded_again(dock, qtbot, tmp_path):
    corrector = track(dock, qtbot)
    for kind, ending in (("ctc", "_RES"), ("geff", ".geff"), ("csv", ".csv")):
        dock.files.save_to(corrector, tmp_path / "tracks", kind, ending)
        settle(dock, qtbot)
        assert "Saved" in dock.form.job.status.text()
    dock.files.save_to(corrector, tmp_path / "tree.svg", "svg", ".svg")
    settle(dock, qtbot)
    assert (tmp_path / "tree.svg").read_text().startswith("<svg")
    saved = read_ctc(tmp_path / "tracks_RES")
    assert (saved.labels == corrector.layers.labels.data).all()
    header = (tmp_path / "tracks.csv").read_text().splitlines()[0]
    assert "mean_intensity" in header
    before = corrector.layers.labels.data.copy()
    parents = dict(corrector.tracks.parents)
    dock.files.load_from(tmp_path / "tracks_RES")
    settle(dock, qtbot)
    assert dock.corrector is not corrector
    assert (dock.corrector.layers.labels.data == before).all()
    assert dock.corrector.tracks.parents == parents
    # A graph has no masks: they come from the labels to start from.
    form = dock.form
    form.labels.setCurrentIndex(form.labels.findText("cells tracked"))
    dock.files.load_from(tmp_path / "tracks.geff")
    settle(dock, qtbot)
    loaded = dock.corrector.layers.labels.data
    assert ((loaded > 0) == (before > 0)).all()
    assert len(dock.corrector.tracks.tracks) == len(np.unique(before)) - 1
    assert len(dock.corrector.tracks.parents) == len(parents)


def lock_one(dock, qtbot):
    """Correct a track by hand."""
    dock.corrector.picker.pick(dock.corrector.tracks.tracks[0])
    dock.form.review.buttons["lock"].click()
    settle(dock, qtbot)


def test_corrections_are_unsaved_until_they_can_be_loaded_again(dock, qtbot, tmp_path):
    track(dock, qtbot)
    assert not dock.files.unsaved()
    lock_one(dock, qtbot)
    assert dock.files.unsaved() == {"cells tracked": dock.corrector}
    for kind, ending, is_loadable in (
        ("csv", ".csv", False),
        ("svg", ".svg", False),
        ("ctc", "_RES", True),
    ):
        save(dock, qtbot, tmp_path / "tracks", kind, ending)
        assert (not dock.files.unsaved()) == is_loadable
    dock.corrector.picker.pick(dock.corrector.tracks.tracks[1])
    dock.form.review.buttons["lock"].click()
    assert list(dock.files.unsaved()) == ["cells tracked"]
    dock.steps.undo()
    assert not dock.files.unsaved()


def test_what_is_unsaved_goes_to_the_next_dock(docks, viewer, qtbot, tmp_path):
    window = QMainWindow()
    qtbot.addWidget(window)
    first = docks(TimeDock, viewer)
    window.setCentralWidget(first)
    track(first, qtbot)
    lock_one(first, qtbot)
    first.setParent(None)
    # Nobody else has it yet.
    assert list(first.files.unsaved()) == ["cells tracked"]
    second = docks(TimeDock, viewer)
    settle(second, qtbot)
    assert not first.files.unsaved()
    assert second.files.unsaved() == {"cells tracked": second.corrector}
    save(second, qtbot, tmp_path / "tracks", "zarr", ".zarr")
    window.setCentralWidget(second)
    second.setParent(None)
    third = docks(TimeDock, viewer)
    settle(third, qtbot)
    assert third.corrector.can_undo
    assert not third.files.unsaved()


@pytest.mark.parametrize("is_closed", [True, False])
def test_the_window_asks_whether_to_save_corrections(
    docks, viewer, qtbot, tmp_path, monkeypatch, is_closed
):
    window = QMainWindow()
    qtbot.addWidget(window)
    dock = docks(TimeDock, viewer)
    window.setCentralWidget(dock)
    window.show()
    track(dock, qtbot)
    lock_one(dock, qtbot)
    if is_closed:
        dock.setParent(None)
    asked, buttons = [], QMessageBox.StandardButton
    answers = [buttons.Cancel, buttons.Save]

    def question(parent, title, text, *_):
        asked.append((parent, title, text.split(" since")[0]))
        return answers.pop(0)

    monkeypatch.setattr(QMessageBox, "question", question)
    chosen = str(tmp_path / "tracks"), "Cell Tracking Challenge, folder (*_RES)"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: chosen)
    QTimer.singleShot(0, window.close)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=5_000)
    qtbot.wait(50)
    assert window.isVisible()
    QTimer.singleShot(0, window.close)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    text = "Tracks were corrected in cells tracked"
    assert asked == [(window, "Save the tracks first?", text)] * 2
    labels = viewer.layers["cells tracked"].data
    assert (read_ctc(tmp_path / "tracks_RES").labels == labels).all()
    settle(dock, qtbot)


def test_tracks_of_another_movie_are_refused(dock, qtbot, viewer, tmp_path, messages):
    write_ctc(tmp_path / "x_RES", [np.ones((5, 5), np.int32)] * 2, [(1, 0, 1, 0)])
    n_layers = len(viewer.layers)
    dock.files.load_from(tmp_path / "x_RES")
    settle(dock, qtbot)
    assert "choose the image" in messages[-1]
    assert len(viewer.layers) == n_layers
    assert tifffile.imread(tmp_path / "x_RES" / "mask000.tif").shape == (5, 5)


def test_all_slices_are_saved_whichever_is_shown(deep, qtbot, tmp_path):
    words = save(deep, qtbot, tmp_path / "x", "ctc", "_RES")
    assert "a folder for each of 2 positions along Z" in words
    labels = deep.corrector.layers.labels.data
    for z in (0, 1):
        found = read_ctc(tmp_path / "x_RES" / f"Z{z}")
        assert (found.labels == labels[:, z]).all()
    assert "all 2 positions along Z" in save(deep, qtbot, tmp_path / "x", "csv", ".csv")
    table = pd.read_csv(tmp_path / "x.csv")
    assert set(table["z"]) == {0, 1}
    assert set(table["track_id"]) == set(np.unique(labels)) - {0}
    # What the model was sure of when it found the masks.
    assert table["confidence"].between(0, 1).all()


def test_all_slices_are_loaded_again(deep, qtbot, tmp_path):
    before = deep.corrector
    labels = before.layers.labels.data.copy()
    movies = before.found.movies
    parents = {z: dict(tracks.parents) for z, tracks in movies.items()}
    assert all(parents.values())
    for tracks in movies.values():
        tracks.apply(tracks.lock([(2, tracks.ids(2)[0].item())]))
    locked = {z: tracks.locked for z, tracks in movies.items()}
    confidence = before.layers.tracks.properties["confidence"]
    assert (confidence < 1).all()
    for kind, ending in (("ctc", "_RES"), ("geff", ".geff"), ("zarr", ".zarr")):
        save(deep, qtbot, tmp_path / "x", kind, ending)
    assert "is in x.csv" in deep.form.job.status.text()
    for name in ("x_RES", "x.zarr"):
        found = load_from(deep, qtbot, tmp_path / name)
        assert found is not before
        assert (found.layers.labels.data == labels).all()
        assert parents == {z: dict(t.parents) for z, t in found.found.movies.items()}
        # What was under review is hidden, not lost.
        assert not before.layers.labels.visible
    # Which masks are locked, and how sure the model was, is in the table.
    assert {z: t.locked for z, t in found.found.movies.items()} == locked
    again = found.layers.tracks.properties["confidence"]
    assert np.allclose(again, confidence, atol=1e-5)
    form = deep.form
    form.labels.setCurrentIndex(form.labels.findText("deep tracked"))
    found = load_from(deep, qtbot, tmp_path / "x.geff")
    assert (found.layers.labels.data == labels).all()
    assert {z: dict(t.parents) for z, t in found.found.movies.items()} == parents
    assert {z: t.locked for z, t in found.found.movies.items()} == locked


def test_folders_that_share_ids_are_told_apart(deep, qtbot, tmp_path):
    for z in (0, 1):
        rows = [(1, 0, 5, 0), (2, 0, 2, 0), (3, 3, 5, 2), (4, 3, 5, 2)]
        write_ctc(tmp_path / "old" / f"Z{z}", dividing_movie(), rows)
    found = load_from(deep, qtbot, tmp_path / "old")
    labels = found.layers.labels.data
    assert ((labels > 0) == (dividing_movie() > 0)[:, None]).all()
    assert not set(np.unique(labels[:, 0])) & set(np.unique(labels[:, 1])) - {0}
    assert {len(t.parents) for t in found.found.movies.values()} == {2}


def test_slices_that_the_image_lacks_are_refused(deep, qtbot, tmp_path, messages):
    write_ctc(tmp_path / "old" / "Z7", dividing_movie(), [(1, 0, 5, 0)])
    load_from(deep, qtbot, tmp_path / "old")
    assert "Z7 is beyond the image along Z" in messages[-1]
    (tmp_path / "empty").mkdir()
    load_from(deep, qtbot, tmp_path / "empty")
    assert "holds no tracks" in messages[-1]


def test_what_is_there_is_replaced_only_when_wanted(
    dock, qtbot, tmp_path, monkeypatch, messages
):
    track(dock, qtbot)
    asked, answers = [], [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]

    def question(parent, title, text):
        asked.append(text)
        return answers[len(asked) - 1]

    monkeypatch.setattr(QMessageBox, "question", question)
    (tmp_path / "mine.csv").write_text("mine")
    save(dock, qtbot, tmp_path / "mine", "csv", ".csv")
    assert (tmp_path / "mine.csv").read_text() == "mine"
    save(dock, qtbot, tmp_path / "mine", "csv", ".csv")
    assert (tmp_path / "mine.csv").read_text().startswith("track_id")
    assert asked == ["mine.csv exists already. Replace it?"] * 2
    # Labels on disk may be those of a layer: they are not replaced at all.
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr" / "file").write_text("mine")
    save(dock, qtbot, tmp_path / "mine", "zarr", ".zarr")
    assert len(asked) == 2
    assert "exists" in messages[-1]
