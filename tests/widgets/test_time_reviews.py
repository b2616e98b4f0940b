"""The dock *Time* reviews many tracks, and loses nothing of those it does not show."""

import numpy as np
import pytest
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QMainWindow

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.segment_dock import SegmentDock
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import (
    add_movie,
    settle,
    start_tracking_all,
    track,
    track_all,
    wait_for_tracks,
)

pytestmark = pytest.mark.gui


def names_listed(dock):
    which = dock.form.review.which
    return [which.itemText(n) for n in range(which.count())]


def is_list_seen(dock):
    return not dock.form.review._tracks.isHidden()


def select(viewer, layer, dock, qtbot, corrector):
    viewer.layers.selection.active = layer
    qtbot.waitUntil(lambda: dock.corrector is corrector, timeout=5_000)
    settle(dock, qtbot)


def correct(dock, qtbot):
    """Remove a track, lock another one and settle a doubt; return what is left."""
    corrector = dock.corrector
    first, second = corrector.tracks.tracks[:2]
    corrector.picker.pick(first)
    dock.form.review.buttons["remove_all"].click()
    settle(dock, qtbot)
    corrector.picker.pick(second)
    dock.form.review.buttons["lock"].click()
    dock.steps.step(1)
    dock.steps.accept()
    settle(dock, qtbot)
    return corrector.tracks.locked, list(corrector.tour.doubts)


def test_tracks_that_come_later_leave_the_corrected_ones_reachable(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    main, time = docks(SegmentDock, viewer_model), docks(TimeDock, viewer_model)
    old = track(time, qtbot)
    before = old.layers.labels.data.copy()
    assert not is_list_seen(time)
    locked, doubts = correct(time, qtbot)
    assert locked
    track_all(main, qtbot)
    qtbot.waitUntil(lambda: time.corrector is not old, timeout=30_000)
    settle(time, qtbot)
    new = time.corrector
    assert viewer_model.layers.selection.active is new.layers.labels
    assert is_list_seen(time)
    assert names_listed(time) == [
        old.layers.labels.name,
        new.layers.labels.name,
    ]
    assert time.form.review.which.currentIndex() == 1
    assert not old.layers.labels.visible
    assert not new.can_undo
    assert time.form.review.list.currentRow() == -1
    # Their layer brings the first ones back, as they were left.
    select(viewer_model, old.layers.labels, time, qtbot, old)
    assert time.form.review.which.currentIndex() == 0
    assert (old.tracks.locked, old.tour.doubts) == (locked, doubts)
    assert time.form.review.doubts == tuple(doubts)
    # So do their paths; and all can still be taken back.
    select(viewer_model, new.layers.tracks, time, qtbot, new)
    select(viewer_model, old.layers.tracks, time, qtbot, old)
    while old.can_undo:
        time.steps.undo()
        settle(time, qtbot)
    assert (old.layers.labels.data == before).all()
    assert not old.tracks.locked


def test_whoever_is_at_work_on_tracks_goes_on_with_them(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main, time = docks(SegmentDock, viewer_model), docks(TimeDock, viewer_model)
    old = track(time, qtbot)
    start_tracking_all(main)
    viewer_model.layers.selection.active = old.layers.labels
    wait_for_tracks(main, qtbot)
    settle(time, qtbot)
    assert time.corrector is old
    assert "There are new tracks" in time.form.job.status.text()
    review = time.form.review
    assert is_list_seen(time)
    assert review.which.currentIndex() == 0
    new_name = names_listed(time)[1]
    assert new_name in time.form.job.status.text()
    # They are chosen in the list.
    new_layer = viewer_model.layers[new_name]
    new_layer.visible = False
    review.which.setCurrentIndex(1)
    review.which.activated.emit(1)
    assert time.corrector.layers.labels is new_layer
    assert viewer_model.layers.selection.active is new_layer
    assert (new_layer.visible, old.layers.labels.visible) == (True, False)


def test_tracks_of_two_images_are_seen_and_reviewed_side_by_side(
    docks, viewer_model, qtbot
):
    images = [add_movie(viewer_model, name) for name in ("left", "right")]
    images[1].translate = (0, 0, 100)
    time = docks(TimeDock, viewer_model)
    correctors = []
    for image in images:
        time.form.image.choose(image)
        correctors.append(track(time, qtbot))
    left, right = correctors
    assert left.layers.labels.visible
    assert right.layers.labels.visible
    # Strokes are noted also on tracks that are not the ones of the list.
    labels = left.layers.labels
    labels.data_setitem(tuple(np.array([n]) for n in (2, 90, 90)), 77)
    qtbot.waitUntil(lambda: left.can_undo, timeout=5_000)
    assert time.corrector is right
    assert (2, 77) in left.tracks.locked
    assert not right.can_undo
    # Readings are those of the tracks that are reviewed.
    time.steps.step(1)
    assert right.sight.readings.words
    select(viewer_model, labels, time, qtbot, left)
    assert not right.sight.readings.words
    assert time.form.review.doubts == tuple(left.tour.doubts)


def test_what_is_said_of_a_doubt_is_of_the_tracks_under_review(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    time = docks(TimeDock, viewer_model)
    old = track(time, qtbot)
    time.steps.step(1)
    review = time.form.review
    said = review.detail.text()
    assert said
    assert review.accept.isEnabled()
    new = track(time, qtbot)
    # The same is doubtful there.
    assert new.tour.doubts == old.tour.doubts
    assert (review.list.currentRow(), review.detail.text()) == (-1, "")
    assert not review.accept.isEnabled()
    select(viewer_model, old.layers.labels, time, qtbot, old)
    assert (review.list.currentRow(), review.detail.text()) == (0, said)


def test_an_outline_that_is_begun_belongs_to_its_tracks(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    time = docks(TimeDock, viewer_model)
    old = track(time, qtbot)
    new = track(time, qtbot)
    time.form.review.prompt.click()
    points = new.prompts.layers.prompts.points
    points.add(np.array([[0.0, 20.0, 16.0]]))
    select(viewer_model, old.layers.labels, time, qtbot, old)
    assert new.prompts.is_open
    select(viewer_model, points, time, qtbot, new)
    assert len(points.data) == 1
    new.prompts.end()


def test_tracks_whose_labels_are_removed_leave_the_list(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    time = docks(TimeDock, viewer_model)
    old = track(time, qtbot)
    new = track(time, qtbot)
    assert is_list_seen(time)
    viewer_model.layers.remove(old.layers.labels)
    qtbot.waitUntil(lambda: not is_list_seen(time), timeout=5_000)
    assert time.corrector is new


def test_a_preview_leaves_the_list_unless_somebody_has_worked_on_it(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    time = docks(TimeDock, viewer_model)
    for is_worked_on in (False, True):
        time.form.preview.click()
        settle(time, qtbot)
        preview = time.corrector
        if is_worked_on:
            correct(time, qtbot)
        other = track(time, qtbot)
        assert other is not preview
        assert (preview.layers.labels.name in names_listed(time)) == is_worked_on
        assert preview.layers.is_there == is_worked_on


def test_all_that_is_offered_is_reviewed(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    for _ in range(2):
        track_all(main, qtbot)
    time = docks(TimeDock, viewer_model)
    settle(time, qtbot)
    assert len(names_listed(time)) == 2
    assert time.form.review.which.currentIndex() == 1


def test_what_is_offered_to_a_busy_dock_is_taken_afterwards(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main, time = docks(SegmentDock, viewer_model), docks(TimeDock, viewer_model)
    old = track(time, qtbot)
    time.runs.worker.is_busy_changed.connect(
        lambda is_busy: None if is_busy else seen.append(len(main.workbench._offered))
    )
    seen = []
    start_tracking_all(main)
    release = []

    def waits():
        while not release:
            yield Progress("wait", 0, 1)

    assert time.worker.start(waits())
    qtbot.waitUntil(lambda: bool(main.workbench._offered), timeout=30_000)
    assert time.corrector is old
    release.append(True)
    qtbot.waitUntil(lambda: time.corrector is not old, timeout=30_000)
    assert seen == [1]
    settle(time, qtbot)


def test_a_dock_that_is_closed_leaves_all_tracks(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    window = QMainWindow()
    qtbot.addWidget(window)
    first = docks(TimeDock, viewer_model)
    window.setCentralWidget(first)
    old = track(first, qtbot)
    locked, doubts = correct(first, qtbot)
    new = track(first, qtbot)
    # Also where the active layer is none of theirs.
    viewer_model.layers.selection.active = viewer_model.layers["cells"]
    first.setParent(None)
    # Strokes are noted until another dock is there.
    labels = new.layers.labels
    labels.data_setitem(tuple(np.array([n]) for n in (2, 90, 90)), 77)
    second = docks(TimeDock, viewer_model)
    settle(second, qtbot)
    assert second.corrector.layers is new.layers
    assert (2, 77) in second.corrector.tracks.locked
    assert second.corrector.can_undo
    viewer_model.layers.selection.active = old.layers.labels
    qtbot.waitUntil(lambda: second.corrector.layers is old.layers, timeout=5_000)
    settle(second, qtbot)
    again = second.corrector
    assert (again.tracks.locked, again.tour.doubts) == (locked, doubts)
    # What was done before the dock was closed is taken back.
    n_before = len(again.tracks.tracks)
    for _ in range(3):
        second.steps.undo()
        settle(second, qtbot)
    assert not again.can_undo
    assert not again.tracks.locked
    assert len(again.tracks.tracks) == n_before + 1


def test_layers_are_followed_through_the_proxy_that_napari_hands_a_dock(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    time = docks(TimeDock, PublicOnlyProxy(viewer_model))
    old = track(time, qtbot)
    track(time, qtbot)
    select(viewer_model, old.layers.labels, time, qtbot, old)


def test_a_dock_that_is_deleted_takes_no_more_tracks(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    main = docks(SegmentDock, viewer_model)
    time = TimeDock(viewer_model)
    # As until Python collects what refers to itself.
    reviews = time.reviews
    time.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    track_all(main, qtbot)
    assert reviews.corrector is None
    second = docks(TimeDock, viewer_model)
    settle(second, qtbot)
    assert second.corrector is not None


def test_tracks_under_review_whose_labels_are_removed_make_way(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    time = docks(TimeDock, viewer_model)
    old, new = track(time, qtbot), track(time, qtbot)
    viewer_model.layers.remove(new.layers.labels)
    qtbot.waitUntil(lambda: time.corrector is old, timeout=5_000)
    assert time.form.review.doubts == tuple(old.tour.doubts)
    viewer_model.layers.remove(old.layers.labels)
    qtbot.waitUntil(lambda: time.corrector is None, timeout=5_000)
    assert time.form.review.doubts == ()
    assert not time.form.review.save.isEnabled()
    settle(time, qtbot)


def test_tracks_whose_labels_are_removed_are_not_left(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    window = QMainWindow()
    qtbot.addWidget(window)
    first = docks(TimeDock, viewer_model)
    window.setCentralWidget(first)
    viewer_model.layers.remove(track(first, qtbot).layers.labels)
    first.setParent(None)
    assert docks(TimeDock, viewer_model).corrector is None


def test_a_dock_that_comes_back_lists_what_it_reviews(docks, viewer_model, qtbot):
    add_movie(viewer_model)
    window = QMainWindow()
    qtbot.addWidget(window)
    first = docks(TimeDock, viewer_model)
    window.setCentralWidget(first)
    for _ in range(2):
        track(first, qtbot)
    first.setParent(None)
    second = docks(TimeDock, viewer_model)
    settle(second, qtbot)
    window.setCentralWidget(first)
    assert names_listed(first) == []
    first.setParent(None)


def test_g_turns_from_boxes_back_to_points_through_the_proxy(
    docks, viewer_model, qtbot
):
    add_movie(viewer_model)
    time = docks(TimeDock, PublicOnlyProxy(viewer_model))
    prompts = track(time, qtbot).prompts
    time.form.review.prompt.click()
    layers = prompts.layers.prompts
    selection = viewer_model.layers.selection
    for chosen in (layers.boxes, layers.points):
        keymap = selection.active.keymap
        next(do for key, do in keymap.items() if str(key) == keys.BOX_KEY)(None)
        assert selection.active is chosen
    prompts.end()
