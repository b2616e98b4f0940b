"""Strokes by hand on tracked objects: what they touch, and how they are taken back."""

from types import SimpleNamespace

import numpy as np
import pytest

from dividing_movie import N_FRAMES, dividing_movie
from napari_segment_anything.models import load
from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.time_dock import TimeDock
from napari_segment_anything.widgets.time_strokes import strokes_of
from time_dock_user import add_deep_movie, picture, settle, track

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def _bright_model(monkeypatch, predictor):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)


@pytest.fixture
def corrector(viewer_model, qtbot):
    viewer_model.add_image(
        picture(dividing_movie()), name="cells", axis_labels=tuple("tyx")
    )
    viewer_model.dims.set_point(0, 0)
    dock = TimeDock(viewer_model)
    corrector = track(dock, qtbot)
    corrector.dock = dock
    yield corrector
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


def paint(corrector, qtbot, where, label):
    """Paint as napari's brush does, and wait until it was taken notice of."""
    with qtbot.waitSignal(corrector.changed, timeout=30_000):
        corrector.layers.labels.data_setitem(where, label)
    settle(corrector.dock, qtbot)


def block(frame, rows, columns):
    y, x = (part.ravel() for part in np.mgrid[rows, columns])
    return np.full(len(y), frame), y, x


def paths(corrector):
    return {(int(one), int(t)) for one, t in corrector.layers.tracks.data[:, :2]}


def seen(corrector):
    tracks = corrector.tracks
    return {(one, t) for one in tracks.tracks for t in tracks.frames_of(one)}


def press_usual_undo(corrector, qtbot):
    """What Ctrl+Z is bound to on the labels."""
    (press,) = (
        action
        for key, action in corrector.layers.labels.keymap.items()
        if str(key) == "Ctrl+Z"
    )
    press(corrector.layers.labels)
    settle(corrector.dock, qtbot)


def test_a_new_object_has_a_path_and_is_gone_when_taken_back(corrector, qtbot):
    before = corrector.layers.labels.data.copy()
    new = corrector.tracks.new_id()
    paint(corrector, qtbot, block(1, slice(88, 95), slice(88, 95)), new)
    assert (new, 1) in paths(corrector)
    assert (1, new) in corrector.tracks.locked
    assert f"track {new} in frame 1" in corrector.dock.form.job.status.text()
    corrector.dock.form.review.undo.click()
    settle(corrector.dock, qtbot)
    assert (corrector.layers.labels.data == before).all()
    assert new not in corrector.tracks.tracks
    assert not corrector.tracks.locked
    assert paths(corrector) == seen(corrector)


def test_the_usual_key_takes_corrections_and_strokes_back_in_their_order(
    corrector, qtbot, viewer_model
):
    labels = corrector.layers.labels
    start = labels.data.copy()
    parents = dict(corrector.tracks.parents)
    every = list(range(N_FRAMES))
    tracks = corrector.tracks
    one = next(t for t in tracks.tracks if tracks.frames_of(t) == every)
    # A stroke over an object that then gets another id from frame 3 on.
    y, x = (int(v) for v in np.argwhere(labels.data[4] == one)[0])
    paint(corrector, qtbot, block(4, slice(y, y + 3), slice(x, x + 3)), 0)
    painted = labels.data.copy()
    assert (4, one) in tracks.locked
    viewer_model.dims.set_point(0, 3)
    corrector.picker.pick(one)
    corrector.dock.form.review.buttons["cut"].click()
    settle(corrector.dock, qtbot)
    press_usual_undo(corrector, qtbot)
    assert (labels.data == painted).all()
    assert paths(corrector) == seen(corrector)
    press_usual_undo(corrector, qtbot)
    assert (labels.data == start).all()
    assert tracks.parents == parents
    assert not tracks.locked
    press_usual_undo(corrector, qtbot)
    assert (labels.data == start).all()


def test_a_stroke_while_something_is_computed_is_kept(corrector, qtbot, viewer_model):
    labels, tracks = corrector.layers.labels, corrector.tracks
    one = next(t for t in tracks.tracks if tracks.frames_of(t) == list(range(N_FRAMES)))
    # Missing in two frames: there is something to compute.
    for frame in (2, 3):
        labels.data[frame][labels.data[frame] == one] = 0
        tracks.note_painting(frame)
    viewer_model.dims.set_point(0, 1)
    corrector.picker.pick(one)
    new = tracks.new_id()
    corrector.recompute()
    assert corrector.dock.worker.is_busy
    paint(corrector, qtbot, block(2, slice(80, 90), slice(80, 90)), new)
    settle(corrector.dock, qtbot)
    assert (labels.data[2][80:90, 80:90] == new).all()
    assert (2, new) in tracks.locked
    assert "changed meanwhile" in corrector.dock.form.job.status.text()
    # Asked again, it is computed, and what was painted stays.
    corrector.recompute()
    settle(corrector.dock, qtbot)
    assert tracks.frames_of(one) == list(range(N_FRAMES))
    assert (labels.data[2][80:90, 80:90] == new).all()
    assert (2, new) in tracks.locked


def test_what_is_locked_while_something_is_computed_stays_locked(
    corrector, qtbot, viewer_model
):
    tracks = corrector.tracks
    one, other = tracks.tracks[:2]
    viewer_model.dims.set_point(0, 1)
    corrector.picker.pick(one)
    corrector.recompute()
    place = (tracks.frames_of(other)[-1], other)
    tracks.apply(tracks.lock([place]))
    settle(corrector.dock, qtbot)
    assert place in tracks.locked
    assert (1, one) in tracks.locked
    # What recomputing has locked is taken back with the rest.
    while corrector.can_undo:
        corrector.undo()
    assert (1, one) not in tracks.locked


def test_a_stroke_through_slices_is_of_each_movie(viewer_model, qtbot):
    add_deep_movie(viewer_model)
    dock = TimeDock(viewer_model)
    corrector = track(dock, qtbot)
    movies = corrector.found.movies
    new = max(tracks.new_id() for tracks in movies.values())
    slices = np.array([0, 0, 1, 1])
    where = (np.full(4, 2), slices, np.array([90, 91, 90, 91]), np.full(4, 90))
    with qtbot.waitSignal(corrector.changed, timeout=30_000):
        corrector.layers.labels.data_setitem(where, new)
    settle(dock, qtbot)
    for tracks in movies.values():
        assert tracks.frames_of(new) == [2]
        assert tracks.locked == {(2, new)}
    dock.steps.undo()
    settle(dock, qtbot)
    for tracks in movies.values():
        assert new not in tracks.tracks
        assert not tracks.locked
    dock.close()
    dock.deleteLater()


def test_pixels_of_a_stroke_are_those_of_its_planes():
    rng = np.random.default_rng(0)
    # Followed along T through planes of z and x, of which y numbers the movies.
    labels = rng.integers(0, 5, (3, 4, 5, 6)).astype(np.int32)
    index = tuple(rng.integers(0, n, 40) for n in labels.shape)
    index = np.unravel_index(
        np.unique(np.ravel_multi_index(index, labels.shape)), labels.shape
    )
    after = labels.copy()
    after[index] = 9
    edit = PixelEdit(index, labels[index], after[index])
    request = SimpleNamespace(
        plane=PlaneId(("Z", "X"), (("T", 0), ("Y", 0))), along="T", other_axes="Y"
    )
    strokes = strokes_of(edit, "TZYX", labels.shape, request)
    found = labels.copy()
    for (y,), changes in strokes.items():
        for change in changes:
            plane = found[change.frame, :, y].copy()
            assert (plane.ravel()[change.pixels] == change.before).all()
            plane.ravel()[change.pixels] = change.after
            found[change.frame, :, y] = plane
    assert (found == after).all()
