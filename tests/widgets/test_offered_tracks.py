"""What the main dock tracks is reviewed by the dock *Time*, open or not yet."""

import numpy as np
import pytest
from napari.layers import Labels, Shapes, Tracks
from qtpy.QtWidgets import QMainWindow

from dividing_movie import dividing_movie
from napari_segment_anything.widgets.segment_dock import SegmentDock
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import (
    add_deep_movie,
    add_movie,
    is_idle,
    picture,
    settle,
    track,
    track_all,
)

pytestmark = pytest.mark.gui


def layer_of(viewer, kind):
    (layer,) = (one for one in viewer.layers if isinstance(one, kind))
    return layer


def test_a_time_dock_that_is_open_reviews_them(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main, time = docks(SegmentDock, viewer_model), docks(TimeDock, viewer_model)
    track_all(main, qtbot)
    qtbot.waitUntil(lambda: is_idle(time), timeout=30_000)
    labels, review = layer_of(viewer_model, Labels), time.form.review
    assert time.corrector.layers.labels is labels
    assert time.corrector.layers.tracks is layer_of(viewer_model, Tracks)
    assert review.list.count() == len(time.corrector.tour.doubts) > 0
    assert "division" in time.form.job.status.text()
    assert time.form.job.status.text() == main.form.job.status.text()
    # And they are corrected there.
    track = time.corrector.tracks.tracks[0]
    time.corrector.picker.pick(track)
    review.buttons["remove_all"].click()
    settle(time, qtbot)
    assert track not in labels.data
    time.steps.undo()
    assert track in labels.data


def test_a_time_dock_that_is_opened_later_reviews_them(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    other = viewer_model.add_image(np.zeros((2, 8, 8)), name="other")
    main = docks(SegmentDock, viewer_model)
    main.form.image.choose(viewer_model.layers["cells"])
    track_all(main, qtbot)
    assert layer_of(viewer_model, Tracks).data.shape[0] > 0
    time = docks(TimeDock, viewer_model)
    settle(time, qtbot)
    assert time.form.image.layer is not other
    assert time.form.review.list.count() > 0
    # They are taken once only.
    assert docks(TimeDock, viewer_model).corrector is None


def test_strokes_on_tracks_that_nobody_reviews_are_noted(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    track_all(main, qtbot)
    labels = layer_of(viewer_model, Labels)
    before = labels.data.copy()
    labels.data_setitem(tuple(np.array([n]) for n in (2, 90, 90)), 77)
    qtbot.waitUntil(
        lambda: 77 in layer_of(viewer_model, Tracks).data[:, 0], timeout=30_000
    )
    # The last one is taken along, too.
    labels.data_setitem(tuple(np.array([n]) for n in (3, 90, 90)), 77)
    time = docks(TimeDock, viewer_model)
    settle(time, qtbot)
    tracks = time.corrector.tracks
    assert tracks.frames_of(77) == [2, 3]
    assert {(2, 77), (3, 77)} <= tracks.locked
    for _ in range(2):
        time.steps.undo()
    assert (labels.data == before).all()
    assert 77 not in tracks.tracks


def test_paths_are_those_of_the_slice_that_is_shown(docks, viewer_model, qtbot):
    add_deep_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    track_all(main, qtbot)
    labels, tracks = layer_of(viewer_model, Labels), layer_of(viewer_model, Tracks)

    def check(z):
        assert set(tracks.data[:, 2]) == {z}
        ids = {
            labels.data[int(t), z, round(y), round(x)]
            for _, t, _, y, x in tracks.data.tolist()
        }
        assert ids == set(tracks.data[:, 0])

    check(1)
    viewer_model.dims.set_point(1, 0)
    qtbot.waitUntil(lambda: not main.workbench._offered[0].is_busy, timeout=30_000)
    check(0)


def test_a_dock_that_is_closed_leaves_tracks_to_the_next_one(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    window = QMainWindow()
    qtbot.addWidget(window)
    first = docks(TimeDock, viewer_model)
    window.setCentralWidget(first)
    corrector = track(first, qtbot)
    one = corrector.tracks.tracks[0]
    corrector.picker.pick(one)
    first.form.review.buttons["lock"].click()
    first.steps.step(1)
    corrector.decisions.accept()
    doubts, locked = corrector.tour.doubts, corrector.tracks.locked
    # As napari does; the dock itself stays.
    first.setParent(None)
    assert first.corrector is None
    assert not first.form.review.save.isEnabled()
    second = docks(TimeDock, viewer_model)
    settle(second, qtbot)
    assert second.corrector.layers is corrector.layers
    assert second.corrector.tour.doubts == doubts
    assert second.corrector.tracks.locked == locked
    assert locked
    # What the closed one is still working on is left to the other one, too.
    first.form.track.click()
    qtbot.waitUntil(lambda: not first.worker.is_busy, timeout=30_000)
    settle(second, qtbot)
    assert first.corrector is None
    assert second.corrector.layers is not corrector.layers
    # It may come back.
    second.setParent(window)
    second.setParent(None)
    window.setCentralWidget(first)
    assert first.corrector is not None
    settle(first, qtbot)
    window.takeCentralWidget()


def test_what_is_reviewed_first_is_the_slice_that_is_shown(docks, viewer_model, qtbot):
    add_deep_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    track_all(main, qtbot)
    viewer_model.dims.set_point(1, 0)
    time = docks(TimeDock, viewer_model)
    settle(time, qtbot)
    assert time.corrector.shown.position == (0,)
    ids = np.unique(layer_of(viewer_model, Labels).data[0, 0])
    assert set(ids) - {0} <= set(time.corrector.tracks.tracks)


def test_what_a_closed_dock_computes_again_draws_no_readings(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    window = QMainWindow()
    qtbot.addWidget(window)
    dock = docks(TimeDock, viewer_model)
    window.setCentralWidget(dock)
    corrector = track(dock, qtbot)
    for _ in corrector.tour.doubts:
        dock.steps.step(1)
        if corrector.sight.lines.layer is not None:
            break
    assert corrector.sight.lines.layer is not None
    corrector.picker.pick(corrector.tour.doubt.track)
    dock.form.review.recompute.click()
    assert dock.worker.is_busy
    dock.setParent(None)
    settle(dock, qtbot)
    assert not [one for one in viewer_model.layers if isinstance(one, Shapes)]


def test_removed_labels_are_offered_to_nobody(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    track_all(main, qtbot)
    viewer_model.layers.remove(layer_of(viewer_model, Labels))
    assert docks(TimeDock, viewer_model).corrector is None


def test_a_channel_is_followed_through_time(docks, viewer_model, qtbot):
    movie = dividing_movie()
    two = np.stack([np.zeros_like(movie), movie], axis=1)
    viewer_model.add_image(picture(two), name="cells", axis_labels=tuple("tcyx"))
    viewer_model.dims.set_point(0, 0)
    viewer_model.dims.set_point(1, 1)
    main = docks(SegmentDock, viewer_model)
    track_all(main, qtbot)
    labels = layer_of(viewer_model, Labels)
    assert labels.data.shape == (len(movie), 1, *movie.shape[1:])
    # An object that is there in all frames keeps its id.
    lasting = set(np.unique(movie[0])) & set(np.unique(movie[-1])) - {0}
    assert lasting
    for one in lasting:
        ids = {
            int(np.bincount(labels.data[t, 0][movie[t] == one]).argmax())
            for t in range(len(movie))
        }
        assert len(ids) == 1
        assert ids != {0}


def test_an_image_of_channels_alone_has_nothing_to_follow_along(
    docks, viewer_model, qtbot, errors
):
    viewer_model.add_image(
        picture(dividing_movie()), name="colours", axis_labels=tuple("cyx")
    )
    main = docks(SegmentDock, viewer_model)
    track_all(main, qtbot)
    assert len(errors) == 1
    assert "neither T nor Z" in errors[0]
    assert not [one for one in viewer_model.layers if isinstance(one, Labels | Tracks)]
