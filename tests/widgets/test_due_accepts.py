"""Accepts that wait for their mask, while the user goes on."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers.shapes._shapes_mouse_bindings import add_rectangle

from napari_segment_anything.widgets import mask_asker

pytestmark = pytest.mark.gui
DISK, OTHER = (24, 104), (20, 20)


@pytest.fixture
def settle(qtbot, annotator):
    """Wait until every prompt is answered and nothing is due."""

    def wait():
        qtbot.waitUntil(
            lambda: not (annotator.is_thinking or annotator.acceptance.is_due),
            timeout=5000,
        )

    qtbot.waitUntil(lambda: not annotator.is_thinking, timeout=5000)
    return wait


def labels_of(annotator):
    return annotator.layers.results.layer.data


def click(annotator, place, t=0):
    annotator.layers.prompts.points.add([t, *place])


def test_a_mask_that_arrives_waits_for_the_box_that_is_being_dragged(
    annotator, settle, qtbot
):
    boxes = annotator.layers.prompts.boxes
    click(annotator, DISK)
    annotator.accept()
    annotator.layers.draw_boxes()

    def event(kind, y, x):
        place = boxes.data_to_world(np.array([0.0, y, x]))
        return SimpleNamespace(
            type=kind,
            position=place,
            pos=np.array([x, y]) * 10,
            modifiers=[],
            button=1,
            dims_displayed=[1, 2],
            dims_point=place,
            view_direction=None,
            up_direction=None,
        )

    dragged = event("mouse_press", 10, 10)
    drag = add_rectangle(boxes, dragged)
    next(drag)
    vars(dragged).update(vars(event("mouse_move", 20, 20)))
    next(drag)
    qtbot.waitUntil(lambda: not annotator.is_thinking, timeout=5000)
    qtbot.wait(150)
    assert annotator.acceptance.is_due
    assert not labels_of(annotator).any()
    vars(dragged).update(vars(event("mouse_move", 30, 30)))
    next(drag)
    dragged.type = "mouse_release"
    assert next(drag, "over") == "over"
    settle()
    assert labels_of(annotator)[0][DISK] == 1
    assert len(boxes.data) == 1
    np.testing.assert_allclose(boxes.data[0].max(axis=0), [0, 30, 30], atol=0.1)


def test_an_object_that_is_open_is_replaced_by_its_own_prompts_alone(annotator, settle):
    click(annotator, DISK)
    settle()
    annotator.accept()
    before = labels_of(annotator).copy()
    click(annotator, DISK)  # opens it
    points = annotator.layers.prompts.points
    assert annotator.session.reopened_on(annotator.layers.plane) == 1
    points.data = np.array([[0.0, 2, 2]])  # now on ground
    annotator.accept()
    click(annotator, OTHER)
    annotator.accept()
    settle()
    np.testing.assert_array_equal(labels_of(annotator)[0] == 1, before[0] == 1)
    assert labels_of(annotator)[0][OTHER] == 2


def test_an_object_that_was_painted_over_leaves_no_ghost(annotator, settle):
    click(annotator, DISK)
    settle()
    annotator.accept()
    labels = labels_of(annotator)
    rows, columns = np.nonzero(labels[0] == 1)
    n = int(0.8 * len(rows))
    layer = annotator.layers.results.layer
    layer.selected_label = 9
    layer.data_setitem((np.zeros(n, int), rows[:n], columns[:n]), 9)
    click(annotator, (rows[-1], columns[-1]))
    settle()
    annotator.layers.prompts.boxes.add_rectangles(
        [[[0, 10, 10], [0, 10, 30], [0, 30, 30], [0, 30, 10]]]
    )
    settle()
    annotator.accept()
    known = {one.object_id for one in annotator.session.objects.in_order()}
    assert known <= set(np.unique(labels).tolist())


def test_an_image_of_another_shape_is_not_accepted_on(annotator, settle):
    said = []
    annotator.said.connect(said.append)
    image = annotator.layers.image
    click(annotator, DISK)
    settle()
    image.data = image.data[:, :60].copy()
    said.clear()
    annotator.accept()
    settle()
    assert not labels_of(annotator).any()
    assert all("another shape" in words for words in said)


def test_objects_are_not_opened_while_masks_are_due(annotator, settle, viewer_model):
    said = []
    annotator.said.connect(said.append)
    click(annotator, OTHER)
    settle()
    annotator.accept()
    click(annotator, DISK)
    annotator.accept()
    viewer_model.dims.set_point(0, 2)
    annotator.reviser.walk(1)
    assert "being computed" in said[-1]
    settle()
    assert labels_of(annotator)[0][DISK] == 2


def test_a_failure_elsewhere_leaves_what_is_due(
    annotator, settle, viewer_model, monkeypatch
):
    answer = mask_asker.answer_first

    def failing(request, *others):
        if request.plane.position("T") == 1:
            raise ValueError("the disk is gone")
        return answer(request, *others)

    failures = []
    annotator.failed.connect(failures.append)
    monkeypatch.setattr(mask_asker, "answer_first", failing)
    viewer_model.dims.set_point(0, 1)
    annotator.ask()
    viewer_model.dims.set_point(0, 0)
    click(annotator, DISK)
    annotator.accept()
    settle()
    assert len(failures) == 1
    assert labels_of(annotator)[0][DISK] == 1
    # What fails itself is due no more, and stays drawn.
    viewer_model.dims.set_point(0, 1)
    click(annotator, OTHER, t=1)
    annotator.accept()
    settle()
    assert len(failures) >= 2
    assert not labels_of(annotator)[1].any()
    assert len(annotator.layers.prompts.points.data) == 1


def test_what_is_refused_is_said_last(annotator, settle):
    said = []
    annotator.said.connect(said.append)
    click(annotator, DISK)
    annotator.accept()
    settle()
    annotator.layers.prompts.boxes.add_rectangles(
        [[[0, 12, 92], [0, 12, 116], [0, 36, 116], [0, 36, 92]]]
    )
    annotator.accept()
    settle()
    assert "cover this one" in said[-1]
    assert labels_of(annotator).max() == 1
