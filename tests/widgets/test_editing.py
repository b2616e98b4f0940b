"""Undo, redo, opening objects again, walking, deleting, turbo, hover, replay."""

import numpy as np
import pytest
from scipy import ndimage

from bright_sam import bright_predictor
from napari_segment_anything.batch.progress import run
from napari_segment_anything.session.answers import AnswerSettings, MaskSize
from napari_segment_anything.session.jobs import everything_job
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.record import Record
from napari_segment_anything.session.replay import replay
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

pytestmark = pytest.mark.gui

# Centres of disks of the first frame; each frame moves them by (2, 5).
DISKS = {1: (20, 20), 2: (20, 60), 3: (24, 104), 4: (70, 24), 5: (68, 66)}


@pytest.fixture
def settle(qtbot, annotator):
    def wait():
        qtbot.waitUntil(
            lambda: (
                not (
                    annotator.is_thinking
                    or annotator.watch.is_resting
                    or annotator.hover._worker.is_busy
                )
            ),
            timeout=10_000,
        )

    wait()
    return wait


@pytest.fixture
def said(annotator):
    told = []
    annotator.said.connect(told.append)
    return told


@pytest.fixture
def click(annotator, settle):
    def add(disk, t=0):
        y, x = DISKS[disk]
        annotator.layers.prompts.points.add([t, y + 2 * t, x + 5 * t])
        settle()

    return add


@pytest.fixture
def accept(annotator, click):
    def add(disk, t=0):
        click(disk, t)
        annotator.accept()

    return add


def labels_of(annotator):
    return annotator.layers.results.layer.data


def outlined(annotator):
    """Pixels inside of the contour that is shown."""
    return ndimage.binary_fill_holes(annotator.layers.preview.layer.data[0] == 1)


def n_points(annotator):
    return len(annotator.layers.prompts.points.data)


def paint(annotator, *pixels, label):
    """Paint by hand, as one stroke."""
    layer = annotator.layers.results.layer
    layer.selected_label = max(1, label)
    index = tuple(np.array(column) for column in zip(*pixels, strict=True))
    layer.data_setitem(index, label)


def test_prompts_and_objects_are_undone_and_redone_across_planes(
    annotator, accept, click, settle, viewer_model
):
    states = []

    def remember():
        states.append((labels_of(annotator).copy(), annotator.layers.prompts.content))

    remember()
    click(1)
    remember()
    annotator.accept()
    remember()
    viewer_model.dims.set_point(0, 2)
    settle()
    click(3, t=2)
    remember()
    annotator.layers.prompts.points.add([2, 5, 5])
    settle()
    remember()
    annotator.clear()
    remember()
    click(2, t=2)
    remember()
    annotator.accept()
    remember()
    for labels, content in states[-2::-1]:
        assert annotator.session.can_undo
        annotator.undo()
        np.testing.assert_array_equal(labels_of(annotator), labels)
        assert annotator.layers.prompts.content.equals(content)
    assert not annotator.session.can_undo
    assert viewer_model.dims.point[0] == 0
    for labels, content in states[1:]:
        annotator.redo()
        np.testing.assert_array_equal(labels_of(annotator), labels)
        assert annotator.layers.prompts.content.equals(content)
    assert not annotator.session.can_redo
    assert viewer_model.dims.point[0] == 2
    settle()


def test_moving_and_removing_a_point_are_undone(annotator, click, settle):
    click(3)
    points = annotator.layers.prompts.points
    points.data = np.add(points.data, [0, 1, 1])
    settle()
    points.selected_data = {0}
    points.remove_selected()
    settle()
    assert n_points(annotator) == 0
    annotator.undo()
    assert points.data.tolist() == [[0, 25, 105]]
    annotator.undo()
    assert points.data.tolist() == [[0, 24, 104]]
    settle()
    assert annotator.session.can_accept


def test_a_stroke_by_hand_is_undone_and_redone(annotator, accept):
    accept(3)
    before = labels_of(annotator).copy()
    paint(annotator, (0, 5, 5), (0, 24, 104), label=9)
    after = labels_of(annotator).copy()
    annotator.undo()
    np.testing.assert_array_equal(labels_of(annotator), before)
    annotator.redo()
    np.testing.assert_array_equal(labels_of(annotator), after)


def test_something_new_ends_what_could_be_redone(annotator, accept, click):
    accept(3)
    annotator.undo()
    click(1)
    assert not annotator.session.can_redo


def test_a_click_on_a_finished_object_opens_it_with_its_prompts(
    annotator, accept, settle, said
):
    accept(3)
    accept(1)
    object_3 = labels_of(annotator)[0] == 1
    # Not where it was clicked first.
    annotator.layers.prompts.points.add([0, 20, 100])
    settle()
    assert annotator.layers.prompts.points.data.tolist() == [[0, 24, 104]]
    assert "Object 1 is open again." in said
    assert said[-1].startswith("Object 1 is open · ")
    assert annotator.reviser.can_delete
    assert annotator.session.can_accept
    # Nothing was painted yet, and accepting gives the same object, not another one.
    np.testing.assert_array_equal(labels_of(annotator)[0] == 1, object_3)
    annotator.accept()
    assert np.unique(labels_of(annotator)).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(labels_of(annotator)[0] == 1, object_3)
    assert not annotator.reviser.can_delete


def test_a_reopened_object_keeps_handwork_when_it_is_accepted_again(
    annotator, accept, settle
):
    accept(3)
    paint(annotator, (0, 5, 5), label=1)
    paint(annotator, (0, 24, 104), label=0)
    annotator.layers.prompts.points.add([0, 20, 100])
    settle()
    annotator.accept()
    labels = labels_of(annotator)[0]
    assert labels[5, 5] == 1
    assert labels[24, 104] == 0
    assert (labels == 1).sum() > 100


def test_leaving_an_open_object_leaves_it_as_it_was(annotator, accept, settle):
    accept(3)
    before = labels_of(annotator).copy()
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.clear()
    settle()
    np.testing.assert_array_equal(labels_of(annotator), before)
    assert not annotator.reviser.can_delete
    # And the step can be taken back: it is open again.
    annotator.undo()
    assert annotator.reviser.can_delete
    annotator.undo()
    assert not annotator.reviser.can_delete
    assert n_points(annotator) == 0


def test_an_object_of_everything_mode_is_opened_with_its_outline(
    annotator, settle, predictor, store
):
    plane = annotator.layers.plane
    job = everything_job(annotator.session.source, plane, predictor, store)
    annotator.editor.objects.fill(run(job))
    object_id = int(labels_of(annotator)[0, 24, 104])
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    (outline,) = annotator.layers.prompts.drawing_on(plane).outlines
    is_object = labels_of(annotator)[0] == object_id
    (y, x), mask = outline.mask()
    drawn = np.zeros_like(is_object)
    drawn[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    assert (drawn & is_object).sum() / (drawn | is_object).sum() > 0.9
    assert annotator.session.reopened_on(plane) == object_id
    # Nobody asks the model: what is outlined is the object, to be confirmed.
    assert annotator.session.response is None
    assert outlined(annotator).sum() == is_object.sum()
    before = labels_of(annotator).copy()
    annotator.accept()
    np.testing.assert_array_equal(labels_of(annotator), before)
    assert annotator.session.objects.get(object_id, plane).verdict == "accepted"
    annotator.undo()
    assert annotator.session.objects.get(object_id, plane).verdict == "unseen"
    settle()


def test_a_click_on_what_was_painted_by_hand_is_a_prompt(annotator, settle):
    paint(annotator, (0, 24, 104), label=5)
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    assert annotator.layers.prompts.points.data.tolist() == [[0, 24, 104]]
    assert not annotator.reviser.can_delete


def test_objects_are_walked_across_planes(annotator, accept, settle, viewer_model):
    accept(3)
    accept(1)
    viewer_model.dims.set_point(0, 2)
    settle()
    accept(2, t=2)
    opened = []
    for _ in range(4):
        annotator.reviser.walk(1)
        settle()
        opened.append(
            (annotator.session.reopened_on(annotator.layers.plane), n_points(annotator))
        )
    assert opened == [(1, 1), (2, 1), (3, 1), (1, 1)]
    assert viewer_model.dims.point[0] == 0
    annotator.reviser.walk(-1)
    settle()
    assert viewer_model.dims.point[0] == 2


def test_walking_does_not_lose_what_is_drawn(annotator, accept, click, settle, said):
    accept(3)
    click(1)
    annotator.reviser.walk(1)
    assert said[-1] == "Accept or clear first what is drawn here."
    assert n_points(annotator) == 1


def test_deleting_an_open_object(annotator, accept, settle, said):
    annotator.reviser.delete()
    assert "first" in said[-1]
    accept(3)
    accept(1)
    before = labels_of(annotator).copy()
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.reviser.delete()
    settle()
    assert np.unique(labels_of(annotator)).tolist() == [0, 2]
    assert n_points(annotator) == 0
    annotator.undo()
    np.testing.assert_array_equal(labels_of(annotator), before)
    assert annotator.reviser.can_delete
    settle()


def test_each_box_is_opened_with_its_own_prompts(annotator, settle):
    boxes = annotator.layers.prompts.boxes
    boxes.add_rectangles([[0, 10, 90], [0, 10, 118], [0, 38, 118], [0, 38, 90]])
    boxes.add(
        [[0, 10, 10], [0, 10, 30], [0, 30, 30], [0, 30, 10]], shape_type="ellipse"
    )
    settle()
    annotator.accept()
    assert np.unique(labels_of(annotator)).tolist() == [0, 1, 2]
    annotator.layers.prompts.points.add([0, 20, 20])
    settle()
    assert [str(kind) for kind in boxes.shape_type] == ["ellipse"]
    assert boxes.data[0][:, 1:].tolist() == [[10, 10], [10, 30], [30, 30], [30, 10]]


@pytest.mark.parametrize("kind", ["ellipse", "polygon", "path"])
def test_other_shapes_are_prompts_too(annotator, settle, kind):
    corners = {
        "path": [[0, 24, 98], [0, 24, 110]],
        "polygon": [[0, 11, 104], [0, 24, 118], [0, 38, 104], [0, 24, 90]],
        "ellipse": [[0, 10, 90], [0, 10, 118], [0, 38, 118], [0, 38, 90]],
    }
    annotator.layers.prompts.boxes.add(corners[kind], shape_type=kind)
    settle()
    annotator.accept()
    assert labels_of(annotator)[0, 24, 104] == 1
    assert 350 < (labels_of(annotator) == 1).sum() < 550


def test_turbo_makes_an_object_of_each_click(annotator, settle):
    annotator.acceptance.is_turbo = True
    points = annotator.layers.prompts.points
    # Faster than the answers come.
    for disk in (3, 1, 2):
        points.add([0, *DISKS[disk]])
    settle()
    labels = labels_of(annotator)[0].copy()
    assert [labels[DISKS[disk]] for disk in (3, 1, 2)] == [1, 2, 3]
    assert n_points(annotator) == 0
    # One step takes one object back, whole: it is not made again from its click.
    for n_left in (2, 1, 0):
        annotator.undo()
        settle()
        assert len(np.unique(labels_of(annotator))) == n_left + 1
        assert n_points(annotator) == 0
    assert not annotator.session.can_undo
    for _ in range(3):
        annotator.redo()
        settle()
    np.testing.assert_array_equal(labels_of(annotator)[0], labels)
    points.add([0, *DISKS[4]])
    settle()
    assert labels_of(annotator)[0][DISKS[4]] == 4
    assert n_points(annotator) == 0


def test_turbo_goes_on_after_a_click_beside_all_objects(annotator, settle, said):
    annotator.acceptance.is_turbo = True
    annotator.layers.prompts.points.add([0, 45, 45])
    settle()
    assert n_points(annotator) == 0
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    # On a busy machine more is said after that.
    assert any("cover this one" in sentence for sentence in said)
    assert n_points(annotator) == 0
    assert np.unique(labels_of(annotator)).tolist() == [0, 1]


def hover(annotator, y, x):
    """Move the mouse over the image, in world coordinates as napari does."""

    class Event:
        position = annotator.layers.image.data_to_world([0, y, x])

    layer = annotator.layers.prompts.points
    for callback in layer.mouse_move_callbacks:
        if callback == annotator.hover._on_move:
            callback(layer, Event())


def test_hovering_shows_a_mask_that_nobody_can_accept(annotator, click, settle):
    preview = annotator.layers.preview.layer
    hover(annotator, 24, 104)
    settle()
    assert not preview.data.any()
    annotator.hover.is_on = True
    hover(annotator, 24, 104)
    settle()
    assert 350 < outlined(annotator).sum() < 550
    assert not annotator.session.can_accept
    annotator.accept()
    assert not labels_of(annotator).any()
    hover(annotator, -50, 104)
    assert not preview.data.any()
    # A click shows its own mask, and the mouse does not change it any more.
    hover(annotator, 24, 104)
    settle()
    click(1)
    shown = preview.data.copy()
    hover(annotator, 68, 66)
    settle()
    np.testing.assert_array_equal(preview.data, shown)
    annotator.clear()
    settle()
    hover(annotator, 24, 104)
    settle()
    annotator.hover.is_on = False
    assert not preview.data.any()


def test_hovering_never_encodes(annotator, settle, predictor, viewer_model):
    annotator.hover.is_on = True
    n_encoded = predictor._sam.n_encoded
    viewer_model.dims.set_point(0, 1)
    annotator.watch.stop()
    hover(annotator, 24, 104)
    assert not annotator.hover._worker.is_busy
    assert predictor._sam.n_encoded == n_encoded


def test_the_size_of_a_click_is_kept_for_the_next_objects(
    annotator, click, settle, said, monkeypatch
):
    scores = [0.7, 0.95, 0.9]
    three_sizes(monkeypatch, annotator.asker.model[0], scores)
    click(5)
    best = annotator.session.response.masks.areas[0]
    areas = {}
    for size in MaskSize:
        annotator.settings = AnswerSettings(size)
        settle()
        areas[size] = int(annotator.session.response.masks.areas[0])
        assert said[-1].startswith(size.capitalize())
        assert "small 0.70, medium 0.95, large 0.90" in said[-1]
        # The other two are outlined as well, but not as the one that is accepted.
        shown = annotator.layers.preview.layer.data
        assert outlined(annotator).sum() == areas[size]
        assert (shown == 2).sum() > 20
    assert areas["small"] < areas["medium"] < areas["large"]
    assert areas["best"] == best == areas["medium"]
    annotator.settings = AnswerSettings(MaskSize.LARGE)
    settle()
    annotator.accept()
    click(3)
    assert said[-1].startswith("Large")


def three_sizes(monkeypatch, predictor, scores):
    """Let the model see a part, the disk, and all around it."""
    import torch
    from torch.nn import functional

    decode = predictor._sam.decode

    def decode_sizes(*args, **kwargs):
        logits, iou = decode(*args, **kwargs)
        if logits.shape[1] == 3 and iou[0].any():
            # The working scale of windows is a matter of the engine; here sizes only
            # have to differ.
            logits = logits.clone()
            logits[:, 0] = -functional.max_pool2d(-logits[:, 0], 5, 1, 2)
            logits[:, 2] = functional.max_pool2d(logits[:, 2], 5, 1, 2)
            iou = torch.tensor([scores] * len(iou))
        return logits, iou

    monkeypatch.setattr(predictor._sam, "decode", decode_sizes)


def test_options_clean_the_mask_that_is_shown_and_accepted(annotator, click, settle):
    click(5)
    rough = annotator.session.response.masks.areas[0]
    annotator.settings = AnswerSettings(options=MaskOptions(smooth=8))
    settle()
    smooth = annotator.session.response.masks.areas[0]
    assert smooth != rough
    annotator.accept()
    assert (labels_of(annotator) == 1).sum() == smooth


def test_a_deleted_layer_loses_nothing(annotator, accept, settle, viewer_model):
    accept(3)
    before = labels_of(annotator).copy()
    viewer_model.layers.remove(annotator.layers.results.layer)
    assert not annotator.layers.are_all_there
    annotator.start()
    np.testing.assert_array_equal(labels_of(annotator), before)
    assert annotator.layers.are_all_there
    annotator.undo()
    assert not labels_of(annotator).any()
    settle()


def replayed(annotator, tmp_path):
    """Make the labels again from the saved record, with nothing else at hand."""
    record = annotator.session.record(labels_of(annotator).shape)
    record.save(tmp_path / "record.json")
    return run(
        replay(
            Record.load(tmp_path / "record.json"),
            annotator.layers.new_source(),
            bright_predictor(),
            MemoryEmbeddingStore(),
        )
    )


def test_a_record_is_replayed_to_the_same_labels(
    annotator, accept, click, settle, tmp_path, predictor, store
):
    accept(3)
    accept(1)
    annotator.undo()
    annotator.clear()
    settle()
    job = everything_job(
        annotator.session.source, annotator.layers.plane, predictor, store
    )
    annotator.editor.objects.fill(run(job))
    paint(annotator, (0, 2, 2), (0, 24, 104), label=40)
    annotator.layers.prompts.points.add([0, 20, 100])
    settle()
    annotator.accept()
    annotator.layers.prompts.points.add([0, *DISKS[5]])
    settle()
    annotator.reviser.delete()
    settle()
    labels = labels_of(annotator)
    assert len(np.unique(labels)) > 5
    np.testing.assert_array_equal(replayed(annotator, tmp_path), labels)


def test_points_of_other_objects_count_as_outside_and_are_recorded(
    annotator, accept, click, settle, tmp_path, predictor, monkeypatch
):
    asked = []
    decode = predictor._sam.decode

    def watched(*args, point_labels=None, **kwargs):
        asked.append(point_labels)
        return decode(*args, point_labels=point_labels, **kwargs)

    monkeypatch.setattr(predictor._sam, "decode", watched)
    accept(3)
    accept(1)
    click(5)
    assert asked[-1].tolist() == [[1]]
    annotator.settings = AnswerSettings(others_are_out=True)
    settle()
    others = annotator.session.response.request.prompts.others
    assert sorted(map(tuple, others)) == [DISKS[1], DISKS[3]]
    # The click first; what lies beyond the window that answers is left out (-1).
    (own, *rest) = asked[-1][0].tolist()
    assert own == 1
    assert len(rest) == 2
    assert set(rest) <= {0, -1}
    annotator.accept()
    # They are not drawn for the object: opened again it has its own point alone.
    click(5)
    assert n_points(annotator) == 1
    annotator.clear()
    action = annotator.session.record(labels_of(annotator).shape).actions[-1]
    assert sorted(action.others) == [DISKS[1], DISKS[3]]
    np.testing.assert_array_equal(replayed(annotator, tmp_path), labels_of(annotator))
    saved = Record.load(tmp_path / "record.json").actions[-1]
    assert saved.others == action.others
    assert saved.settings == action.settings


def test_a_long_session_is_replayed_to_the_same_labels(
    annotator, settle, tmp_path, viewer_model, qtbot
):
    """A random walk of clicks, boxes, strokes, undo and redo over three planes."""
    rng = np.random.default_rng(3)
    annotator.acceptance.may_overwrite = False
    done = dict.fromkeys(("click", "accept", "box", "stroke", "undo", "redo"), 0)
    for _ in range(120):
        t = int(annotator.layers.plane.position("T"))
        y, x = (float(v) for v in rng.uniform((2, 2), (93, 125)))
        match rng.integers(0, 10):
            case 0 | 1:
                disk = rng.integers(1, 6)
                centre = np.add(DISKS[disk], (2 * t, 5 * t)) + rng.normal(0, 2, 2)
                inside = np.clip(centre, 0, (95, 127))
                annotator.layers.prompts.points.add([t, *inside])
                done["click"] += 1
            case 2:
                box = [[t, y, x], [t, y, x + 40], [t, y + 40, x + 40], [t, y + 40, x]]
                annotator.layers.prompts.boxes.add_rectangles(box)
                done["box"] += 1
            case 3:
                length = int(rng.integers(2, 20))
                row = [(t, int(y), min(127, int(x) + i)) for i in range(length)]
                paint(annotator, *set(row), label=int(rng.integers(0, 12)))
                done["stroke"] += 1
            case 4 | 5:
                settle()
                annotator.accept()
                done["accept"] += 1
            case 6:
                annotator.undo()
                done["undo"] += 1
            case 7:
                annotator.redo()
                done["redo"] += 1
            case 8:
                viewer_model.dims.set_point(0, int(rng.integers(0, 3)))
            case 9:
                settle()
                if rng.random() < 0.5:
                    annotator.reviser.walk(1)
                elif annotator.reviser.can_delete:
                    annotator.reviser.delete()
        settle()
    assert min(done.values()) > 3
    labels = labels_of(annotator)
    assert len(np.unique(labels)) > 3
    np.testing.assert_array_equal(replayed(annotator, tmp_path), labels)
