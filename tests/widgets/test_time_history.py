"""Corrections of labels on a slow disk: the window goes on, and nothing is lost."""

import threading
import time

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QMainWindow

from dividing_movie import N_FRAMES, dividing_movie
from napari_segment_anything.models import load
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.storage import write_behind_array
from napari_segment_anything.widgets import empty_labels
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import picture, settle, track

pytestmark = pytest.mark.gui
READ_SECONDS = 0.08


class SlowArray:
    """Takes the place of a zarr array; tells which thread has read which frame."""

    def __init__(self, array):
        self.array, self.reads = array, []
        self.shape, self.dtype, self.chunks = array.shape, array.dtype, array.chunks

    def __getitem__(self, place):
        self.reads.append((threading.current_thread(), place[0].start))
        time.sleep(READ_SECONDS)
        return self.array[place]

    def __setitem__(self, place, values):
        self.array[place] = values

    def frames_read(self, *, in_window):
        here = threading.main_thread()
        return {t for thread, t in self.reads if (thread is here) == in_window}


@pytest.fixture
def dock(viewer_model, qtbot, tmp_path, monkeypatch, predictor, errors):
    """Labels of tracks lie on a slow disk, and memory keeps one chunk of them."""
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    monkeypatch.setattr(empty_labels, "user_data_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(empty_labels, "fits_memory", lambda shape: False)
    monkeypatch.setattr(empty_labels, "show_info", lambda text: None)
    monkeypatch.setattr(write_behind_array, "_KEPT_BYTES", 0)
    viewer_model.add_image(
        picture(dividing_movie()), name="cells", axis_labels=tuple("tyx")
    )
    viewer_model.dims.set_point(0, 0)
    dock = TimeDock(viewer_model)
    track(dock, qtbot)
    labels = dock.corrector.layers.labels.data
    labels.flush()
    labels._array = SlowArray(labels._array)
    viewer_model.dims.set_point(0, 3)
    settle(dock, qtbot)
    yield dock
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


@pytest.fixture
def wanderer(dock):
    """A track that is seen in all frames; it is chosen."""
    tracks = dock.corrector.tracks
    every = list(range(N_FRAMES))
    one = next(one for one in tracks.tracks if tracks.frames_of(one) == every)
    dock.corrector.picker.pick(one)
    return one


def pixels(dock):
    """Read all labels, as they are or are about to be on disk."""
    return np.asarray(dock.corrector.layers.labels.data)


def test_a_cut_and_its_undo_read_no_frame_in_the_thread_of_the_window(
    dock, qtbot, wanderer
):
    corrector, review = dock.corrector, dock.form.review
    before = pixels(dock)
    disk = corrector.layers.labels.data._array
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(5)

    def do(button):
        disk.reads.clear()
        ticks.clear()
        button.click()
        # Nobody has waited for the three frames that are changed.
        assert dock.worker.is_busy
        assert not button.isEnabled()
        qtbot.waitUntil(lambda: not dock.worker.is_busy, timeout=30_000)
        assert disk.frames_read(in_window=False) >= {3, 4, 5}
        # The frame that is shown napari reads itself.
        assert disk.frames_read(in_window=True) <= {3}
        assert len(ticks) > 5
        settle(dock, qtbot)

    do(review.buttons["cut"])
    new = max(corrector.tracks.tracks)
    assert corrector.tracks.frames_of(wanderer) == [0, 1, 2]
    assert corrector.tracks.frames_of(new) == [3, 4, 5]
    was = before == wanderer
    assert ((pixels(dock) == new) == (was & (np.arange(6) > 2)[:, None, None])).all()
    assert f"Track {wanderer} ends before frame 3" in dock.form.job.status.text()
    assert (new, 3) in {
        (int(one), int(t)) for one, t in corrector.layers.tracks.data[:, :2]
    }
    do(review.undo)
    assert (pixels(dock) == before).all()
    assert corrector.tracks.frames_of(wanderer) == list(range(N_FRAMES))
    assert not corrector.can_undo
    timer.stop()


def test_nobody_paints_or_corrects_while_labels_are_changed(dock, qtbot, wanderer):
    corrector = dock.corrector
    layer, before = corrector.layers.labels, pixels(dock)
    layer.mode = "paint"
    dock.form.review.buttons["cut"].click()
    assert (layer.editable, str(layer.mode)) == (False, "pan_zoom")
    dock.steps.undo()
    assert "Something else is running" in dock.form.job.status.text()
    settle(dock, qtbot)
    assert (layer.editable, str(layer.mode)) == (True, "paint")
    assert not (pixels(dock) == before).all()
    with qtbot.waitSignal(corrector.changed, timeout=30_000):
        layer.data_setitem(tuple(np.array([n]) for n in (3, 90, 90)), wanderer)
    settle(dock, qtbot)
    for _ in range(2):
        dock.steps.undo()
        settle(dock, qtbot)
    assert (pixels(dock) == before).all()
    assert not corrector.tracks.locked


def test_what_is_asked_meanwhile_is_done_afterwards(dock, qtbot, wanderer):
    corrector = dock.corrector
    before = pixels(dock)
    corrector.act("cut")
    corrector.act("remove_all")
    qtbot.waitUntil(lambda: wanderer not in corrector.tracks.tracks, timeout=30_000)
    settle(dock, qtbot)
    found = pixels(dock)
    assert wanderer not in found
    # The cut came first: what follows it is another track.
    assert (found[3:] > 0).sum() == (before[3:] > 0).sum()
    for _ in range(2):
        dock.steps.undo()
        settle(dock, qtbot)
    assert (pixels(dock) == before).all()


def test_a_drawn_object_is_put_in_and_computed_around(dock, qtbot, wanderer):
    corrector, before = dock.corrector, pixels(dock)
    disk = corrector.layers.labels.data._array
    corrector.act("remove")
    settle(dock, qtbot)
    assert corrector.tracks.frames_of(wanderer) == [0, 1, 2, 4, 5]
    true = dividing_movie()[3] == 1
    disk.reads.clear()
    corrector.draw(PlaneId(index=(("T", 3),)), true)
    settle(dock, qtbot)
    assert disk.frames_read(in_window=True) <= {3}
    assert ((pixels(dock)[3] == wanderer) == true).all()
    assert (3, wanderer) in corrector.tracks.locked
    assert corrector.selected == wanderer
    assert f"Track {wanderer} is locked in frame 3" in dock.form.job.status.text()
    while corrector.can_undo:
        dock.steps.undo()
        settle(dock, qtbot)
    assert (pixels(dock) == before).all()
    assert not corrector.tracks.locked


def test_a_correction_that_is_cancelled_leaves_all_as_it_was(dock, qtbot, wanderer):
    corrector = dock.corrector
    before = pixels(dock)
    dock.worker.progressed.connect(lambda p: p.done > 1 and dock.worker.cancel())
    corrector.act("remove_all")
    settle(dock, qtbot)
    # It had begun.
    assert corrector.tracks.n_changes(0) > 1
    assert (pixels(dock) == before).all()
    assert corrector.tracks.frames_of(wanderer) == list(range(N_FRAMES))
    assert not corrector.can_undo
    assert corrector.layers.labels.editable
    assert dock.form.job.status.text() == "Cancelled. Nothing more is changed."


def test_what_cannot_be_done_is_said_in_the_window(dock, qtbot, wanderer, viewer_model):
    said = []
    dock.corrector.failed.connect(lambda error: said.append(str(error)))
    before = pixels(dock)
    viewer_model.dims.set_point(0, 0)
    dock.form.review.buttons["cut"].click()
    settle(dock, qtbot)
    assert len(said) == 1
    assert "Go to a later frame" in said[0]
    assert (pixels(dock) == before).all()
    assert dock.corrector.layers.labels.editable


def test_a_dock_that_goes_meanwhile_leaves_whole_labels(dock, qtbot, wanderer):
    corrector = dock.corrector
    labels = corrector.layers.labels
    before = pixels(dock)
    corrector.act("remove_all")
    dock.let_go()
    assert labels.editable
    qtbot.waitUntil(lambda: not dock.worker.is_busy, timeout=30_000)
    after = np.asarray(labels.data)
    assert (after == before).all() or wanderer not in after


def test_what_waits_when_the_dock_is_closed_is_done(
    dock, qtbot, wanderer, viewer_model, errors
):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(dock)
    corrector, before = dock.corrector, pixels(dock)
    labels = corrector.layers.labels
    corrector.act("cut")
    corrector.act("remove_all")
    # This one is not possible any more by then, and is said not to be.
    corrector.act("cut")
    dock.setParent(None)
    assert dock.worker.is_busy
    # Nobody waited for it.
    assert wanderer in corrector.tracks.tracks
    second = TimeDock(viewer_model)
    assert second.corrector is None
    assert "still being made" in second.form.job.status.text()
    qtbot.waitUntil(lambda: second.corrector is not None, timeout=30_000)
    settle(second, qtbot)
    found = np.asarray(labels.data)
    assert wanderer not in found
    assert wanderer not in second.corrector.tracks.tracks
    # The cut came first: what follows it is another track.
    assert (found[3:] > 0).sum() == (before[3:] > 0).sum()
    assert len(errors) == 1
    assert f"{wanderer}" in errors[0]
    assert labels.editable
    for _ in range(2):
        second.steps.undo()
        settle(second, qtbot)
    assert (np.asarray(labels.data) == before).all()
    assert not second.corrector.can_undo
    second.close()
    second.deleteLater()


def test_a_doubt_is_looked_at_in_another_thread(dock, qtbot, viewer_model):
    corrector, review = dock.corrector, dock.form.review
    disk = corrector.layers.labels.data._array
    viewer_model.dims.set_point(0, 0)
    settle(dock, qtbot)
    number, doubt = next(
        (n, one) for n, one in enumerate(corrector.tour.doubts) if one.frame > 1
    )
    disk.reads.clear()
    dock.steps.go_to(number)
    # What is read off the list is there at once.
    assert f"Track {doubt.track} " in review.detail.text()
    assert not review.other.isEnabled()
    assert corrector.sight.is_busy
    settle(dock, qtbot)
    assert disk.frames_read(in_window=False) > {doubt.frame}
    # napari itself reads the frame that is shown, and asks the first for its dtype.
    assert disk.frames_read(in_window=True) <= {0, doubt.frame}
    words = corrector.sight.readings.words
    assert words
    assert words in review.detail.text()
    assert review.other.isEnabled()
    assert corrector.sight.lines.layer.nshapes > 0


def test_readings_come_back_when_a_correction_is_cancelled(dock, qtbot, wanderer):
    corrector = dock.corrector
    dock.steps.go_to(0)
    settle(dock, qtbot)
    doubt, words = corrector.tour.doubt, corrector.sight.readings.words
    assert words
    corrector.picker.pick(wanderer)
    corrector.act("remove_all")
    # Of labels that are being changed nothing is right.
    dock.steps.go_to(0)
    assert not corrector.sight.readings.words
    dock.worker.cancel()
    settle(dock, qtbot)
    qtbot.waitUntil(lambda: bool(corrector.sight.readings.words), timeout=30_000)
    assert (corrector.tour.doubt, corrector.sight.readings.words) == (doubt, words)


def test_prompts_need_no_labels_on_disk_of_their_own(dock, tmp_path):
    stores = sorted(tmp_path.rglob("*.zarr"))
    assert stores
    dock.corrector.prompts.begin()
    assert dock.corrector.prompts.is_open
    assert sorted(tmp_path.rglob("*.zarr")) == stores
    dock.corrector.prompts.end()


def test_a_closed_history_hears_nothing_of_other_jobs(dock, qtbot, viewer_model):
    before = dock.corrector
    track(dock, qtbot)
    assert dock.corrector is not before
    # Tracks that are no more.
    viewer_model.layers.remove(before.layers.labels)
    qtbot.waitUntil(lambda: dock.form.review.which.count() == 1, timeout=5_000)
    before._history.is_busy = True
    dock.corrector.act("lock")
    settle(dock, qtbot)
    assert before._history.is_busy
