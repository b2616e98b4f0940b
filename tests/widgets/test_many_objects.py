"""Review, merging and splitting, other layers as prompts, carrying, classes."""

import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.progress import run
from napari_segment_anything.models import load
from napari_segment_anything.session.objects import Verdict
from napari_segment_anything.session.record import Record
from napari_segment_anything.session.replay import replay
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.widgets.class_layers import classes_of
from napari_segment_anything.widgets.segment_dock import SegmentDock

pytestmark = pytest.mark.gui

# Centres of disks of the first frame; each frame moves them by (2, 5).
DISKS = {1: (20, 20), 2: (20, 60), 3: (24, 104), 4: (70, 24), 5: (68, 66)}


@pytest.fixture
def dock(qtbot, viewer_model, movie, predictor, monkeypatch):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    viewer_model.add_image(movie, name="movie", axis_labels=("t", "y", "x"))
    viewer_model.dims.set_point(0, 0)
    dock = SegmentDock(viewer_model)
    dock.form.start.click()
    settle(qtbot, dock)
    yield dock
    settle(qtbot, dock)
    dock.close()
    dock.deleteLater()


def settle(qtbot, dock):
    def is_idle():
        return not (
            dock.jobs.worker.is_busy
            or dock._model_list.is_busy
            or dock.reviewer.is_busy
            or dock.work.classes.is_busy
            or dock.annotator.is_thinking
            or dock.annotator.watch.is_resting
        )

    qtbot.waitUntil(is_idle, timeout=20_000)


def labels_of(dock):
    return dock.annotator.layers.results.layer.data


def open_object(qtbot, dock, disk, t=0):
    y, x = DISKS[disk]
    dock.annotator.layers.prompts.points.add([t, y + 2 * t, x + 5 * t])
    settle(qtbot, dock)


def replayed(dock, tmp_path):
    record = dock.annotator.session.record(labels_of(dock).shape)
    record.save(tmp_path / "record.json")
    return run(
        replay(
            Record.load(tmp_path / "record.json"),
            dock.annotator.layers.new_source(),
            bright_predictor(),
            MemoryEmbeddingStore(),
        )
    )


def everything(qtbot, dock):
    dock.form.everything_plane.click()
    settle(qtbot, dock)


def test_sliders_filter_without_the_model_and_are_one_step(qtbot, dock, predictor):
    review = dock.form.review
    assert not review.min_iou.isEnabled()
    everything(qtbot, dock)
    full = labels_of(dock).copy()
    areas = np.bincount(full.ravel())[1:]
    n_decoded = predictor._sam.n_decoded
    assert review.min_iou.isEnabled()
    middle = int(np.median(areas))
    for least in (middle // 2, middle, middle + 1):
        review.area.setValue((least, review.area.maximum()))
        settle(qtbot, dock)
        left = np.bincount(labels_of(dock).ravel())[1:]
        assert (left[left > 0] >= least).all()
    assert len(np.unique(labels_of(dock))) < len(np.unique(full))
    review.area.setValue((0, review.area.maximum()))
    settle(qtbot, dock)
    np.testing.assert_array_equal(labels_of(dock) > 0, full > 0)
    assert predictor._sam.n_decoded == n_decoded
    # However often a slider moved, one undo takes it back, the next everything mode.
    usual = review.area.value()
    for least in (middle, middle // 2, middle + 1):
        review.area.setValue((least, review.area.maximum()))
        settle(qtbot, dock)
    dock.annotator.undo()
    settle(qtbot, dock)
    np.testing.assert_array_equal(labels_of(dock) > 0, full > 0)
    assert review.area.value() == usual
    dock.annotator.redo()
    settle(qtbot, dock)
    assert review.area.value()[0] == middle + 1
    dock.annotator.undo()
    dock.annotator.undo()
    settle(qtbot, dock)
    assert not labels_of(dock).any()
    assert not review.min_iou.isEnabled()


def test_a_slider_that_is_dragged_is_not_set_back(qtbot, dock):
    review = dock.form.review
    everything(qtbot, dock)
    areas = np.bincount(labels_of(dock).ravel())[1:]
    seen = []
    review.area.valueChanged.connect(seen.append)
    wanted = [(least, review.area.maximum()) for least in range(1, int(max(areas)), 9)]
    for value in wanted:
        review.area.setValue(value)
        qtbot.wait(2)
    settle(qtbot, dock)
    assert [tuple(value) for value in seen] == wanted
    assert np.bincount(labels_of(dock).ravel())[1:].max() >= wanted[-1][0]


def test_an_undo_takes_back_sliders_that_have_just_moved(qtbot, dock):
    review, undo = dock.form.review, dock.form.undo
    everything(qtbot, dock)
    full, usual = labels_of(dock).copy(), review.area.value()
    most = review.area.maximum()

    def move(least):
        review.area.setValue((least, most))

    # Nothing but the sliders has changed yet.
    move(most - 1)
    assert dock.reviewer.is_busy
    undo.click()
    settle(qtbot, dock)
    np.testing.assert_array_equal(labels_of(dock), full)
    assert review.area.value() == usual
    assert dock.form.job.status.text() == "Undone: filter."
    # One move is filtered, the next one not yet: both are one step.
    move(most // 2)
    settle(qtbot, dock)
    assert not (labels_of(dock) == full).all()
    move(most - 1)
    undo.click()
    settle(qtbot, dock)
    np.testing.assert_array_equal(labels_of(dock) > 0, full > 0)
    assert review.area.value() == usual
    undo.click()
    settle(qtbot, dock)
    assert not labels_of(dock).any()


def test_a_slider_that_has_moved_counts_also_when_another_plane_is_shown(
    qtbot, dock, viewer_model
):
    review = dock.form.review
    everything(qtbot, dock)
    full, most = labels_of(dock).copy(), review.area.maximum()
    areas = np.bincount(full[0].ravel())[1:]
    middle = int(np.median(areas))
    # The second move takes the place of the first as a step.
    for least in (middle, middle + 1):
        review.area.setValue((least, most))
        viewer_model.dims.set_point(0, 2)
        assert dock.reviewer.is_busy
        settle(qtbot, dock)
        assert viewer_model.dims.current_step[0] == 2
        left = np.bincount(labels_of(dock)[0].ravel())[1:]
        assert 0 < (left > 0).sum() < len(areas)
        assert (left[left > 0] >= least).all()
        assert "on T 0." in dock.form.job.status.text()
        viewer_model.dims.set_point(0, 0)
        settle(qtbot, dock)
        assert review.area.value()[0] == least
    # Taken back before it is done, from elsewhere.
    before = labels_of(dock).copy()
    review.area.setValue((most - 1, most))
    viewer_model.dims.set_point(0, 2)
    dock.form.undo.click()
    settle(qtbot, dock)
    np.testing.assert_array_equal(labels_of(dock) > 0, full > 0)
    assert (before != labels_of(dock)).any()


def test_everything_on_one_plane_after_another_keeps_both(qtbot, dock, viewer_model):
    everything(qtbot, dock)
    before = labels_of(dock)[0].copy()
    viewer_model.dims.set_point(0, 1)
    settle(qtbot, dock)
    everything(qtbot, dock)
    np.testing.assert_array_equal(labels_of(dock)[0], before)
    assert labels_of(dock)[1].any()


def test_doubtful_objects_are_confirmed_rejected_and_edited(qtbot, dock, tmp_path):
    everything(qtbot, dock)
    plane = dock.annotator.layers.plane
    objects = dock.annotator.session.objects
    n_found = len(objects)
    dock.form.review.next.click()
    settle(qtbot, dock)
    first = dock.annotator.session.reopened_on(plane)
    assert dock.form.accept.isEnabled()
    dock.form.accept.click()
    settle(qtbot, dock)
    assert objects.get(first, plane).verdict == Verdict.ACCEPTED
    second = dock.annotator.session.reopened_on(plane)
    assert second not in (None, first)
    dock.form.delete.click()
    settle(qtbot, dock)
    assert second not in objects
    third = dock.annotator.session.reopened_on(plane)
    assert third not in (None, first, second)
    y, x = objects.get(third, plane).as_mask((96, 128)).points[0]
    dock.annotator.layers.prompts.points.add([0, y, x])
    settle(qtbot, dock)
    dock.form.accept.click()
    settle(qtbot, dock)
    assert objects.get(third, plane).verdict == Verdict.EDITED
    assert len(objects.doubtful(plane)) == n_found - 3
    sentence = dock.annotator.session.record(labels_of(dock).shape).describe()
    assert "1 was confirmed, 1 edited and 1 rejected" in sentence
    np.testing.assert_array_equal(replayed(dock, tmp_path), labels_of(dock))


def test_objects_are_merged_and_split_again(qtbot, dock, tmp_path):
    everything(qtbot, dock)
    before = labels_of(dock)[0].copy()
    open_object(qtbot, dock, 3)
    dock.form.merge.click()
    assert "Open an object" in dock.form.job.status.text()
    open_object(qtbot, dock, 1)
    dock.form.merge.click()
    settle(qtbot, dock)
    merged = labels_of(dock)[0][DISKS[3]]
    assert labels_of(dock)[0][DISKS[1]] == merged
    open_object(qtbot, dock, 3)
    # The outline it is opened with is no line to cut along; two points are two parts.
    open_object(qtbot, dock, 3)
    open_object(qtbot, dock, 1)
    dock.form.split.click()
    settle(qtbot, dock)
    after = labels_of(dock)[0]
    assert after[DISKS[1]] != after[DISKS[3]]
    np.testing.assert_array_equal(after > 0, before > 0)
    np.testing.assert_array_equal(replayed(dock, tmp_path), labels_of(dock))
    dock.annotator.undo()
    assert labels_of(dock)[0][DISKS[1]] == labels_of(dock)[0][DISKS[3]]
    settle(qtbot, dock)


def test_points_of_another_layer_become_objects_at_once(
    qtbot, dock, viewer_model, tmp_path
):
    # In world coordinates of their own: half the scale of the image, on two frames.
    seeds = [[0, *(2 * v for v in DISKS[1])], [0, *(2 * v for v in DISKS[3])]]
    seeds.append([1, 2 * (DISKS[5][0] + 2), 2 * (DISKS[5][1] + 5)])
    seeds.append([0, 90, 90])
    viewer_model.add_points(seeds, scale=(1, 0.5, 0.5), name="seeds")
    dock.form.many.layer.setCurrentText("seeds")
    dock.form.many.use.click()
    settle(qtbot, dock)
    labels = labels_of(dock)
    assert [labels[0][DISKS[1]], labels[0][DISKS[3]]] == [1, 2]
    assert labels[1][70, 71] == 3
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    assert "3 objects" in dock.form.job.status.text()
    np.testing.assert_array_equal(replayed(dock, tmp_path), labels)
    dock.annotator.undo()
    assert np.unique(labels).tolist() == [0, 1, 2]
    settle(qtbot, dock)


def test_prompts_that_give_no_object_are_told(qtbot, dock, viewer_model):
    seeds = [[0, *DISKS[1]], [0, DISKS[1][0] + 1, DISKS[1][1]], [0, 900, 900]]
    viewer_model.add_points(seeds, name="seeds")
    dock.form.many.layer.setCurrentText("seeds")
    dock.form.many.use.click()
    settle(qtbot, dock)
    assert dock.form.job.status.text() == (
        "Added 1 object; 1 lay under other objects; 1 gave no mask, or lay outside of "
        "the image."
    )
    dock.form.undo.click()
    assert dock.form.job.status.text() == "Undone: prompting of 1 object."


def test_outlines_that_are_not_accepted_are_no_prompts(
    qtbot, dock, viewer_model, movie
):
    other = viewer_model.add_image(movie, name="other", axis_labels=("t", "y", "x"))
    dock.form.image.choose(other)
    dock.form.start.click()
    settle(qtbot, dock)
    offered = dock.form.many.layer
    names = [offered.itemText(i) for i in range(offered.count())]
    # Objects of the first image may be prompts of the second, its preview may not.
    assert names == ["SAM objects", "SAM boxes", "SAM points"]
    # Whose layers they are is seen from their names.
    assert dock.annotator.layers.results.layer.name == "SAM objects of other"
    dock.form.image.choose(viewer_model.layers["movie"])


def test_objects_nearby_are_outside_of_prompts_of_another_layer_too(
    qtbot, dock, viewer_model, predictor, tmp_path
):
    open_object(qtbot, dock, 1)
    dock.form.accept.click()
    settle(qtbot, dock)
    asked = []
    decode = predictor._sam.decode

    def noting(*arguments, point_labels, **others):
        asked.append(point_labels.tolist())
        return decode(*arguments, point_labels=point_labels, **others)

    predictor._sam.decode = noting
    dock.form.preferences.others_are_out.setChecked(True)
    seeds = [[0, *DISKS[2]], [0, *DISKS[3]]]
    viewer_model.add_points(seeds, name="seeds")
    dock.form.many.layer.setCurrentText("seeds")
    asked.clear()
    dock.form.many.use.click()
    settle(qtbot, dock)
    labels = labels_of(dock)
    assert [labels[0][DISKS[k]] for k in (1, 2, 3)] == [1, 2, 3]
    # The finished object and the other seed; they lie beyond the model's window here.
    assert asked[:2] == [[[1, -1, -1]], [[1, -1, -1]]]
    action = dock.annotator.session.record(labels.shape).actions[-1]
    first = tuple(float(v) for v in DISKS[1])
    assert [set(points) for points in action.others_of_each] == [
        {first, tuple(float(v) for v in DISKS[3])},
        {first, tuple(float(v) for v in DISKS[2])},
    ]
    np.testing.assert_array_equal(replayed(dock, tmp_path), labels)


def test_labels_of_another_layer_are_rough_masks(qtbot, dock, viewer_model):
    rough = np.zeros((3, 96, 128), np.uint8)
    rough[0, 16:34, 96:114] = 7
    rough[0, 60:76, 58:74] = 9
    viewer_model.add_labels(rough, name="rough")
    dock.form.many.layer.setCurrentText("rough")
    dock.form.many.use.click()
    settle(qtbot, dock)
    labels = labels_of(dock)[0]
    assert {int(labels[DISKS[3]]), int(labels[DISKS[5]])} == {1, 2}
    drawing = dock.annotator.session.objects.on(dock.annotator.layers.plane)[0].drawing
    assert drawing.describe() == "1 polygon"


def test_an_object_is_carried_between_and_beyond_the_planes_it_is_drawn_on(
    qtbot, dock, viewer_model, tmp_path
):
    dock.form.many.volume.setChecked(True)
    for t in (0, 2):
        viewer_model.dims.set_point(0, t)
        settle(qtbot, dock)
        open_object(qtbot, dock, 3, t)
        dock.form.accept.click()
        settle(qtbot, dock)
    labels = labels_of(dock)
    assert np.unique(labels).tolist() == [0, 1]
    assert not labels[1].any()
    dock.form.many.n_planes.setValue(0)
    assert dock.form.many.axis.currentText() == "T"
    dock.form.many.carry.click()
    settle(qtbot, dock)
    assert labels[1, 26, 109] == 1
    assert abs(int((labels[1] == 1).sum()) - int((labels[0] == 1).sum())) < 40
    assert len(dock.annotator.session.objects.slices_of(1)) == 3
    np.testing.assert_array_equal(replayed(dock, tmp_path), labels)
    # Deleting it deletes all of it; undo brings all of it back.
    before = labels.copy()
    open_object(qtbot, dock, 3, 2)
    dock.form.delete.click()
    assert not labels.any()
    dock.annotator.undo()
    np.testing.assert_array_equal(labels, before)
    settle(qtbot, dock)


def test_features_of_the_layer_tell_about_each_object(qtbot, dock):
    dock.form.preferences.class_id.setValue(3)
    open_object(qtbot, dock, 3)
    dock.form.accept.click()
    settle(qtbot, dock)
    results = dock.annotator.layers.results
    results.write_features()
    row = results.layer.features.iloc[1]
    assert (row["index"], row["class"], row["planes"]) == (1, 3, 1)
    assert row["prompts"] == "1 point"
    assert row["predicted_iou"] == pytest.approx(0.95)


def test_a_class_layer_has_the_class_of_each_object(qtbot, dock, viewer_model):
    dock.form.preferences.class_id.setValue(3)
    open_object(qtbot, dock, 3)
    dock.form.accept.click()
    settle(qtbot, dock)
    dock.form.classes.click()
    settle(qtbot, dock)
    classes = viewer_model.layers["movie classes"].data
    np.testing.assert_array_equal(classes, 3 * (labels_of(dock) == 1))


def test_a_class_layer_does_not_come_between_the_user_and_the_prompts(
    qtbot, dock, viewer_model
):
    open_object(qtbot, dock, 3)
    dock.form.accept.click()
    settle(qtbot, dock)
    points = dock.annotator.layers.prompts.points
    assert viewer_model.layers.selection.active is points
    dock.form.classes.click()
    settle(qtbot, dock)
    assert [layer.name for layer in viewer_model.layers] == [
        "movie",
        "SAM objects",
        "movie classes",
        "SAM preview",
        "SAM boxes",
        "SAM points",
    ]
    assert viewer_model.layers.selection.active is points


def test_what_has_no_class_is_of_the_first():
    labels = np.array([[0, 1, 2, 5]])
    assert classes_of(labels, {2: 4, 9: 7}).tolist() == [[0, 1, 4, 1]]


def test_one_object_alone_may_lie_over_others(qtbot, dock):
    open_object(qtbot, dock, 3)
    dock.form.accept.click()
    settle(qtbot, dock)
    boxes = dock.annotator.layers.prompts.boxes
    boxes.add_rectangles([[0, 10, 90], [0, 10, 118], [0, 38, 118], [0, 38, 90]])
    settle(qtbot, dock)
    dock.form.accept.click()
    assert "cover this one" in dock.form.job.status.text()
    dock.commands.by_key["Shift+N"]()
    settle(qtbot, dock)
    assert labels_of(dock)[0][DISKS[3]] == 2
    assert not dock.annotator.acceptance.may_overwrite
