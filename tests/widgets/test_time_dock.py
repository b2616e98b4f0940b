"""The dock *Time* in a viewer without a window; the model finds what is bright."""

import numpy as np
import pytest

from dividing_movie import N_FRAMES, dividing_movie
from napari_segment_anything.models import load
from napari_segment_anything.storage.ctc import write_ctc
from napari_segment_anything.widgets import dock as dock_module
from napari_segment_anything.widgets import keys, time_corrector
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


def by_truth(labels, truth):
    """Which id most of each true object's pixels have, by frame."""
    return [
        {
            int(one): int(np.bincount(labels[t][truth[t] == one]).argmax())
            for one in np.unique(truth[t])
            if one
        }
        for t in range(len(truth))
    ]


def test_everything_is_tracked_and_listed(dock, qtbot, viewer, messages):
    seen = []
    dock.worker.progressed.connect(lambda p: seen.append(type(p).__name__))
    corrector = track(dock, qtbot)
    ids = by_truth(corrector.layers.labels.data, dividing_movie())
    assert len({frame[1] for frame in ids}) == 1
    assert ids[3][3] != ids[3][4]
    parents = corrector.tracks.parents
    assert parents[ids[3][3]] == parents[ids[3][4]] == ids[2][2]
    assert "2 tracks" not in dock.form.job.status.text()
    assert "1 division," in dock.form.job.status.text()
    assert "Objects move by about" in dock.form.estimate.text()
    assert corrector.layers.tracks in viewer.layers
    assert corrector.layers.tracks.graph[ids[3][3]] == [ids[2][2]]
    assert messages == []


def test_preview_looks_at_three_frames_only(dock, qtbot, viewer):
    viewer.dims.set_point(0, 2)
    dock.form.preview.click()
    settle(dock, qtbot)
    labels = dock.corrector.layers.labels
    assert labels.name == "cells preview"
    assert [bool(frame.any()) for frame in labels.data] == [0, 1, 1, 1, 0, 0]


def test_range_of_frames(dock, qtbot, viewer):
    dock.form.first.setValue(2)
    dock.form.last.setValue(4)
    corrector = track(dock, qtbot)

    def are_filled():
        return [bool(frame.any()) for frame in corrector.layers.labels.data]

    assert are_filled() == [0, 0, 1, 1, 1, 0]
    assert all(2 <= doubt.frame <= 4 for doubt in corrector.tour.doubts)
    # What depends on a corrected object lies within it, too.
    viewer.dims.set_point(0, 4)
    corrector.picker.pick(int(corrector.tracks.ids(4)[0]))
    dock.form.review.recompute.click()
    settle(dock, qtbot)
    assert "is locked in frame 4" in dock.form.job.status.text()
    assert are_filled() == [0, 0, 1, 1, 1, 0]


def test_labels_that_exist_keep_masks_and_ids(dock, qtbot, viewer):
    given = np.zeros((N_FRAMES, 96, 96), np.int32)
    # Smaller than what the model would find, so that it can be told apart.
    for t in range(N_FRAMES):
        given[t, 12 + 2 * t : 22 + 2 * t, 12:22] = 70
    layer = viewer.add_labels(given.copy(), name="by hand")
    form = dock.form
    form.labels.setCurrentIndex(form.labels.findText("by hand"))
    form.are_tracks.setChecked(True)
    corrector = track(dock, qtbot)
    labels = corrector.layers.labels.data
    assert ((labels == 70) == (given == 70)).all()
    # The object that the labels lack was found, too.
    assert set(np.unique(labels[0])) > {0, 70}
    assert (layer.data == given).all()
    # No later computation changes them either.
    assert corrector.tracks.locked == {(t, 70) for t in range(N_FRAMES)}
    form.search.setCurrentIndex(form.search.findData("followed"))
    form.are_tracks.setChecked(False)
    form.first.setValue(2)
    corrector = track(dock, qtbot)
    (one,) = corrector.tracks.tracks
    assert corrector.tracks.locked == {(t, one) for t in range(2, N_FRAMES)}
    form.is_locked.setChecked(False)
    assert not track(dock, qtbot).tracks.locked


def test_one_annotated_plane_is_carried_through_the_movie(dock, qtbot, viewer):
    truth = dividing_movie()
    viewer.dims.set_point(0, 2)
    viewer.add_labels(np.where(truth[2] == 1, 5, 0), name="one frame")
    form = dock.form
    form.labels.setCurrentIndex(form.labels.findText("one frame"))
    form.search.setCurrentIndex(form.search.findData("nothing"))
    form.are_tracks.setChecked(True)
    corrector = track(dock, qtbot)
    assert corrector.tracks.tracks == [5]
    assert corrector.tracks.frames_of(5) == list(range(N_FRAMES))
    assert corrector.tracks.locked == {(2, 5)}
    for t in range(N_FRAMES):
        found, true = corrector.layers.labels.data[t] == 5, truth[t] == 1
        assert (found & true).sum() / (found | true).sum() > 0.7


def test_labels_of_another_shape_are_refused(dock, qtbot, viewer, messages):
    viewer.add_labels(np.ones((2, 20, 20), int), name="other")
    dock.form.labels.setCurrentIndex(dock.form.labels.findText("other"))
    n_layers = len(viewer.layers)
    dock.form.track.click()
    settle(dock, qtbot)
    assert len(messages) == 1
    assert len(viewer.layers) == n_layers
    dock.form.locked_frames.setText("1, x")
    dock.form.track.click()
    assert "'x' is no frame" in messages[-1]


def test_cancel_removes_what_was_only_for_the_eye(dock, qtbot, viewer):
    n_layers = len(viewer.layers)
    dock.worker.progressed.connect(
        lambda p: p.stage == "detect" and dock.worker.cancel()
    )
    dock.form.track.click()
    settle(dock, qtbot)
    assert dock.corrector is None
    assert len(viewer.layers) == n_layers
    assert "Cancelled" in dock.form.job.status.text()
    assert "goes on from there" in dock.form.job.status.text()


def test_recomputing_that_is_cancelled_promises_nothing(dock, qtbot):
    corrector = track(dock, qtbot)
    corrector.picker.pick(corrector.tracks.tracks[0])
    corrector.recompute()
    dock.worker.cancel()
    settle(dock, qtbot)
    assert dock.form.job.status.text() == "Cancelled. Nothing more is changed."


def test_a_run_that_was_cancelled_goes_on(dock, qtbot, predictor):
    from bright_sam import work_of

    def cancel_late(progress):
        if progress.stage == "write":
            dock.worker.cancel()

    dock.worker.progressed.connect(cancel_late)
    dock.form.track.click()
    settle(dock, qtbot)
    dock.worker.progressed.disconnect(cancel_late)
    before = work_of(predictor)[0]
    corrector = track(dock, qtbot)
    assert corrector is not None
    assert corrector.found.result.n_resumed == N_FRAMES
    assert work_of(predictor)[0] == before


def test_corrections_by_clicks(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    labels = corrector.layers.labels
    truth = dividing_movie()
    ids = by_truth(labels.data, truth)
    mother, left, right = ids[2][2], ids[3][3], ids[3][4]
    buttons = dock.form.review.buttons
    assert not dock.form.review.undo.isEnabled()
    corrector.picker.pick(left)
    buttons["apart"].click()
    assert corrector.tracks.children(mother) == [right]
    assert f"Track {left} has no parent" in dock.form.job.status.text()
    corrector.picker.pick(mother)
    buttons["divide"].click()
    assert f"daughter of track {mother}" in dock.form.job.status.text()
    corrector.picker.pick(left)
    assert corrector.tracks.children(mother) == sorted([left, right])
    viewer.dims.set_point(0, 4)
    corrector.picker.pick(ids[0][1])
    buttons["cut"].click()
    settle(dock, qtbot)
    after = by_truth(labels.data, truth)
    assert after[3][1] == ids[0][1] != after[4][1] == after[5][1]
    corrector.picker.pick(ids[0][1])
    buttons["join"].click()
    corrector.picker.pick(after[4][1])
    assert by_truth(labels.data, truth) == ids
    assert "are one track" in dock.form.job.status.text()
    # The other way round, the track that is chosen is one that is still there.
    dock.form.review.undo.click()
    assert "is undone" in dock.form.job.status.text()
    corrector.picker.pick(after[4][1])
    buttons["join"].click()
    corrector.picker.pick(ids[0][1])
    assert corrector.selected == ids[0][1]
    assert by_truth(labels.data, truth) == ids
    # What was joined is locked where it was.
    buttons["lock"].click()
    assert "is unlocked in frame 4" in dock.form.job.status.text()
    buttons["lock"].click()
    assert "is locked in frame 4" in dock.form.job.status.text()
    for _ in range(2):
        dock.form.review.undo.click()
    for _ in range(4):
        dock.form.review.undo.click()
    settle(dock, qtbot)
    assert by_truth(labels.data, truth) == ids
    assert not dock.form.review.undo.isEnabled()
    assert corrector.layers.tracks.graph[left] == [mother]


def test_large_labels_in_memory_are_corrected_by_the_worker(
    dock, qtbot, viewer, monkeypatch
):
    monkeypatch.setattr(time_corrector, "_MOST_QUICK_BYTES", 0)
    corrector = track(dock, qtbot)
    labels = corrector.layers.labels.data
    before = labels.copy()
    wanderer = by_truth(labels, dividing_movie())[0][1]
    viewer.dims.set_point(0, 4)
    corrector.picker.pick(wanderer)
    dock.form.review.buttons["cut"].click()
    assert dock.worker.is_busy
    settle(dock, qtbot)
    assert corrector.tracks.frames_of(wanderer) == [0, 1, 2, 3]
    assert not (labels == before).all()
    dock.form.review.undo.click()
    settle(dock, qtbot)
    assert (labels == before).all()


def test_what_does_not_fit_is_said(dock, qtbot, viewer, messages):
    corrector = track(dock, qtbot)
    viewer.dims.set_point(0, 0)
    corrector.picker.pick(corrector.tracks.tracks[0])
    dock.form.review.buttons["cut"].click()
    assert "Go to a later frame" in messages[-1]
    dock.form.locked_frames.setText("2, 6-8")
    dock.form.track.click()
    settle(dock, qtbot)
    assert "Frame 6 cannot be locked" in messages[-1]
    assert dock.corrector is corrector


def test_doubts_are_visited_worst_first_and_accepted(dock, qtbot, viewer):
    labels = dividing_movie()
    labels[3:, 10:20, 80:90] = 5
    viewer.layers["cells"].data = picture(labels)
    corrector = track(dock, qtbot)
    review = dock.form.review
    n = len(corrector.tour.doubts)
    assert n == review.list.count() >= 1
    scores = [doubt.score for doubt in corrector.tour.doubts]
    assert scores == sorted(scores, reverse=True)
    review.next.click()
    worst = corrector.tour.doubts[0]
    assert viewer.dims.current_step[0] == worst.frame
    assert corrector.selected == worst.track
    assert review.detail.text().startswith(f"Track {worst.track}")
    assert "Or " in review.detail.text()
    review.accept.click()
    assert review.list.count() == n - 1
    assert (worst.frame, worst.track) in corrector.tracks.locked
    # Who pressed the wrong key has it back.
    dock.steps.keys()[keys.UNDO_KEY]()
    assert review.list.count() == n
    assert corrector.tour.doubts[0] == corrector.tour.doubt == worst
    assert viewer.dims.current_step[0] == worst.frame
    assert review.detail.text().startswith(f"Track {worst.track}")
    assert not corrector.tracks.locked


def test_painting_locks_and_recomputes_only_around(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    layer = corrector.layers.labels
    truth = dividing_movie()
    wanderer = by_truth(layer.data, truth)[0][1]
    # The tracker has lost the object for two frames, as if the model had missed it.
    for t in (2, 3):
        layer.data[t][layer.data[t] == wanderer] = 0
        corrector.tracks.note_painting(t)
    others = np.where(layer.data == wanderer, 0, layer.data)
    viewer.dims.set_point(0, 2)
    layer.selected_label = wanderer
    index = np.nonzero(truth[2] == 1)
    layer.data_setitem((np.full(len(index[0]), 2), *index), wanderer)
    qtbot.waitUntil(lambda: (2, wanderer) in corrector.tracks.locked)
    painted = layer.data[2].copy()
    dock.form.review.recompute.click()
    settle(dock, qtbot)
    assert (layer.data[2] == painted).all()
    assert corrector.tracks.frames_of(wanderer) == list(range(N_FRAMES))
    assert (np.where(layer.data == wanderer, 0, layer.data) == others).all()
    assert "frame" in dock.form.job.status.text()


def test_slices_are_followed_each_for_itself(qtbot, viewer_model):
    image = add_deep_movie(viewer_model)
    dock = TimeDock(viewer_model)
    corrector = track(dock, qtbot)
    found = corrector.layers.labels.data
    assert found.shape == image.data.shape
    assert not set(np.unique(found[:, 0])) & set(np.unique(found[:, 1])) - {0}
    # The slice that was shown is the one under review.
    assert set(corrector.tracks.tracks) == set(np.unique(found[:, 1])) - {0}
    assert corrector.layers.tracks is not None
    assert (corrector.layers.tracks.data[:, 2] == 1).all()
    dock.close()
    dock.deleteLater()


def test_the_keys_are_those_of_the_main_dock_and_stand_on_the_buttons(
    dock, qtbot, viewer
):
    corrector = track(dock, qtbot)
    bound = {str(key) for key in corrector.layers.labels.keymap}
    known = {entry.key for entry in keys.CHEAT_SHEET}
    # The usual key of undo has no button of its own.
    assert "Ctrl+Z" in bound
    bound.discard("Ctrl+Z")
    assert bound == set(dock.steps.keys())
    assert bound < known
    review = dock.form.review
    buttons = (review.next, review.accept, review.other)
    buttons = (*buttons, review.prompt, review.recompute, review.undo)
    shown = {
        button.text().rpartition("(")[2].rstrip(")")
        for button in (*buttons, *review.buttons.values())
        if "(" in button.text()
    }
    # Going back, and the next doubtful one as in the main dock, have no button.
    assert shown == bound - {keys.PREVIOUS_KEY, keys.DOUBTFUL_KEY}


def test_a_key_corrects_the_track_that_is_chosen(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    # Nothing is chosen: the key does nothing, as its button is disabled.
    corrector.layers.labels.selected_label = 0
    dock.steps.keys()[keys.SPLIT_KEY]()
    assert not corrector.can_undo
    viewer.dims.set_point(0, 2)
    frames = {
        track: corrector.tracks.frames_of(track) for track in corrector.tracks.tracks
    }
    corrector.picker.pick(
        next(t for t, seen in frames.items() if seen[0] < 2 <= seen[-1])
    )
    dock.steps.keys()[keys.SPLIT_KEY]()
    settle(dock, qtbot)
    assert corrector.can_undo


def test_both_readings_are_drawn_and_one_key_takes_the_other(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    mother = by_truth(corrector.layers.labels.data, dividing_movie())[2][2]
    doubts = corrector.tour.doubts
    number = next(n for n, d in enumerate(doubts) if d.reason == "divides")
    dock.steps.go_to(number)
    lines = corrector.sight.lines.layer
    assert lines in viewer.layers
    assert len(lines.data) == 3
    assert {float(line[0][0]) for line in lines.data} == {3.0}
    assert viewer.layers.selection.active is corrector.layers.labels
    assert dock.form.review.other.isEnabled()
    assert f"track {mother} goes on as" in dock.form.review.detail.text()
    n_doubts = len(doubts)
    dock.form.review.other.click()
    settle(dock, qtbot)
    assert corrector.tracks.children(mother) == []
    assert corrector.tracks.frames_of(mother) == list(range(N_FRAMES))
    assert len(corrector.tour.doubts) == n_doubts - 1
    assert "goes on as" in dock.form.job.status.text()
    # Both steps were one correction.
    dock.form.review.undo.click()
    settle(dock, qtbot)
    assert len(corrector.tracks.children(mother)) == 2


def prompted(dock, qtbot):
    """Whether the outline of what is drawn is there."""
    prompts = dock.corrector.prompts
    qtbot.waitUntil(
        lambda: not prompts.is_busy and prompts.session.can_accept, timeout=30_000
    )
    return prompts


def test_a_click_prompts_a_missed_object_into_its_track(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    layer, review = corrector.layers.labels, dock.form.review
    truth = dividing_movie()
    wanderer = by_truth(layer.data, truth)[0][1]
    layer.data[3][layer.data[3] == wanderer] = 0
    corrector.tracks.note_painting(3)
    others = np.where(layer.data == wanderer, 0, layer.data)
    viewer.dims.set_point(0, 3)
    layer.selected_label = 0
    n_layers = len(viewer.layers)
    assert review.prompt.isEnabled()
    assert review.take.isHidden() or not review.take.isVisible()
    review.prompt.click()
    points = corrector.prompts.layers.prompts.points
    assert viewer.layers.selection.active is points
    assert points.mode == "add"
    points.add(np.array([[3.0, 23.0, 16.0]]))
    prompts = prompted(dock, qtbot)
    prompts._keys()[keys.SIZE_KEY]()
    prompted(dock, qtbot)
    assert prompts._asker.settings.size == "small"
    assert review.take.isEnabled()
    assert prompts.layers.preview.layer.data.any()
    # Nothing is changed before it is accepted.
    assert wanderer not in layer.data[3]
    review.take.click()
    settle(dock, qtbot)
    found = layer.data[3] == wanderer
    true = truth[3] == 1
    assert (found & true).sum() / (found | true).sum() > 0.7
    assert (3, wanderer) in corrector.tracks.locked
    assert (np.where(layer.data == wanderer, 0, layer.data) == others).all()
    assert len(viewer.layers) == n_layers
    assert viewer.layers.selection.active is layer
    assert layer.selected_label == wanderer
    assert f"Track {wanderer} is locked in frame 3" in dock.form.job.status.text()
    # What was computed again around it is one step, the mask another.
    for _ in range(2):
        if review.undo.isEnabled():
            review.undo.click()
    assert wanderer not in layer.data[3]


def test_a_box_redraws_the_chosen_object(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    layer = corrector.layers.labels
    truth = dividing_movie()
    ids = by_truth(layer.data, truth)
    mother = ids[2][2]
    # As if half of it had been missed.
    layer.data[2][60:76, 52:64] = 0
    viewer.dims.set_point(0, 2)
    corrector.picker.pick(mother)
    dock.steps.keys()[keys.BOX_KEY]()
    boxes = corrector.prompts.layers.prompts.boxes
    corrector.prompts._keys()[keys.BOX_KEY]()
    assert viewer.layers.selection.active is boxes
    box = [[2, 59, 39], [2, 59, 64], [2, 76, 64], [2, 76, 39]]
    boxes.add(np.array(box, float), shape_type="rectangle")
    prompted(dock, qtbot)
    corrector.prompts._keys()[keys.ACCEPT_KEY]()
    settle(dock, qtbot)
    found, true = layer.data[2] == mother, truth[2] == 2
    assert (found & true).sum() / (found | true).sum() > 0.7
    assert len(corrector.tracks.children(mother)) == 2


def test_prompts_that_are_given_up_change_nothing(dock, qtbot, viewer):
    corrector = track(dock, qtbot)
    before = corrector.layers.labels.data.copy()
    n_layers = len(viewer.layers)
    dock.form.review.prompt.click()
    corrector.prompts.layers.prompts.points.add(np.array([[0.0, 17.0, 16.0]]))
    prompted(dock, qtbot)
    dock.form.review.give_up.click()
    assert len(viewer.layers) == n_layers
    assert (corrector.layers.labels.data == before).all()
    assert not corrector.can_undo
    # Nobody is told any more that an answer is awaited.
    said = []
    corrector.said.connect(said.append)
    qtbot.wait(1200)
    assert said == []
    # An accept before the answer is there waits for it.
    dock.form.review.prompt.click()
    corrector.prompts.layers.prompts.points.add(np.array([[0.0, 17.0, 16.0]]))
    corrector.prompts.accept()
    qtbot.waitUntil(lambda: corrector.can_undo, timeout=30_000)
    settle(dock, qtbot)
    assert not corrector.prompts.is_open


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


def test_the_list_covers_all_slices_and_goes_to_each(deep, qtbot, viewer_model):
    corrector, review = deep.corrector, deep.form.review
    assert {doubt.position for doubt in corrector.tour.doubts} == {(0,), (1,)}
    assert review.list.count() == len(corrector.tour.doubts)
    assert "Z 0" in "".join(review.list.item(k).text() for k in range(2))
    seen = set()
    for _ in range(review.list.count()):
        review.next.click()
        doubt = corrector.tour.doubt
        assert viewer_model.dims.current_step[:2] == (doubt.frame, doubt.position[0])
        assert corrector.shown.position == doubt.position
        assert corrector.selected == doubt.track
        assert doubt.track in corrector.tracks.tracks
        assert review.detail.text().startswith(f"Track {doubt.track}")
        seen.add(doubt.position)
    assert seen == {(0,), (1,)}
    settle(deep, qtbot)
    here = corrector.shown.position[0]
    assert (corrector.layers.tracks.data[:, 2] == here).all()


def test_corrections_are_of_the_slice_that_is_shown(deep, qtbot, viewer_model):
    corrector, review = deep.corrector, deep.form.review
    movies = corrector.found.movies
    labels = corrector.layers.labels.data
    before = labels.copy()
    viewer_model.dims.set_point(1, 0)
    viewer_model.dims.set_point(0, 3)
    ids = by_truth(labels[:, 0], dividing_movie())
    corrector.picker.pick(ids[0][1])
    review.buttons["cut"].click()
    assert corrector.tracks is movies[0,]
    new = set(np.unique(labels[:, 0])) - set(np.unique(before[:, 0]))
    assert len(new) == 1
    # No track of another slice has the new id.
    assert not new & set(np.unique(before))
    assert (labels[:, 1] == before[:, 1]).all()
    number = next(n for n, d in enumerate(corrector.tour.doubts) if d.position == (1,))
    deep.steps.go_to(number)
    review.accept.click()
    assert movies[1,].locked
    assert not any(place in movies[0,].locked for place in movies[1,].locked)
    # Undo takes back what was done last, wherever it was.
    review.undo.click()
    assert not movies[1,].locked
    assert not (labels == before).all()
    review.undo.click()
    assert (labels == before).all()


def test_what_depends_on_a_correction_is_computed_in_its_slice(
    deep, qtbot, viewer_model
):
    corrector = deep.corrector
    layer = corrector.layers.labels
    wanderer = by_truth(layer.data[:, 0], dividing_movie())[0][1]
    for t in (2, 3):
        layer.data[t, 0][layer.data[t, 0] == wanderer] = 0
        corrector.found.movies[0,].note_painting(t)
    other = layer.data[:, 1].copy()
    viewer_model.dims.set_point(1, 0)
    viewer_model.dims.set_point(0, 1)
    corrector.picker.pick(wanderer)
    deep.form.review.recompute.click()
    settle(deep, qtbot)
    assert corrector.tracks.frames_of(wanderer) == list(range(N_FRAMES))
    assert (layer.data[:, 1] == other).all()


def test_loaded_tracks_are_reviewed_too(dock, qtbot, viewer, tmp_path):
    labels = dividing_movie()
    labels[2][labels[2] == 1] = 0
    rows = [(1, 0, 5, 0), (2, 0, 2, 0), (3, 3, 5, 2), (4, 3, 5, 2)]
    write_ctc(tmp_path / "old_RES", list(labels), rows)
    dock.files.load_from(tmp_path / "old_RES")
    settle(dock, qtbot)
    reasons = {(d.frame, d.reason) for d in dock.corrector.tour.doubts}
    assert (3, "divides") in reasons
    assert dock.form.review.list.count() == len(dock.corrector.tour.doubts) > 0


def test_a_projection_is_followed_in_place_of_slices(qtbot, viewer_model):
    labels = dividing_movie()
    # Each slice lacks one of the objects.
    first = np.where(labels == 1, 0, labels)
    data = np.stack([picture(first), picture(labels == 1), picture(labels * 0)], axis=1)
    viewer_model.add_image(
        data, name="deep", axis_labels=tuple("tzyx"), scale=(1, 3, 0.5, 0.5)
    )
    viewer_model.dims.set_point(0, 1)
    dock = TimeDock(viewer_model)
    form = dock.form
    assert form.projection is None
    of_slices = track(dock, qtbot).layers
    form.slices.setCurrentIndex(form.slices.findData("max"))
    form.last.setValue(4)
    form.track.click()
    settle(dock, qtbot)
    projected = viewer_model.layers["deep max"]
    assert (projected.data[:, 0] == data.max(axis=1)).all()
    assert form.image.layer is projected
    assert form.projection is None
    # What lies on the image goes with it.
    assert not of_slices.labels.visible
    found = dock.corrector.layers.labels.data
    assert found.shape == (N_FRAMES, 1, 96, 96)
    assert {len(np.unique(frame)) - 1 for frame in found[:3]} == {2}
    assert [bool(frame.any()) for frame in found] == [1, 1, 1, 1, 1, 0]
    # It is seen at any depth.
    for z in range(3):
        viewer_model.dims.set_point(1, 3 * z)
        assert dock.corrector.shown.frame == 1
    form.along.setCurrentIndex(form.along.findData("Z"))
    assert form.projection is None
    dock.close()
    dock.deleteLater()
