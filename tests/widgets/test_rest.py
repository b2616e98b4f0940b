import numpy as np
import pytest

from napari_segment_anything.widgets.rest import Rest

pytestmark = pytest.mark.gui


def settle(qtbot, annotator):
    qtbot.waitUntil(lambda: not annotator.is_thinking, timeout=10_000)


def test_prompts_are_noted_and_answered_when_the_rest_ends(annotator, qtbot):
    layers = annotator.layers
    settle(qtbot, annotator)
    rest = Rest(annotator)
    layers.prompts.points.add([0, 24, 104])
    assert not annotator.is_thinking
    assert annotator.session.can_undo
    rest.end()
    settle(qtbot, annotator)
    assert layers.preview.layer.data.any()


def test_a_click_opens_no_object_and_turbo_accepts_none(annotator, qtbot):
    layers, objects = annotator.layers, annotator.session.objects
    layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    qtbot.waitUntil(lambda: len(objects) == 1, timeout=10_000)
    settle(qtbot, annotator)
    annotator.acceptance.is_turbo = True
    Rest(annotator)
    layers.prompts.points.add([0, 68, 66])
    annotator.acceptance.is_turbo = False
    annotator.clear()
    layers.prompts.points.add([0, 24, 104])
    qtbot.wait(100)
    assert len(objects) == 1
    assert annotator.reviser.open_object() is None
    np.testing.assert_array_equal(layers.prompts.points.data, [[0, 24, 104]])


def test_an_object_that_is_open_is_outlined_again(annotator, qtbot):
    preview = annotator.layers.preview.layer
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    qtbot.waitUntil(lambda: len(annotator.session.objects) == 1, timeout=10_000)
    annotator.reviser.walk(1)
    settle(qtbot, annotator)
    assert preview.data.any()
    rest = Rest(annotator)
    assert not preview.data.any()
    rest.end()
    settle(qtbot, annotator)
    assert preview.data.any()


def test_another_tool_that_was_chosen_meanwhile_stays(annotator):
    points, boxes = annotator.layers.prompts.layers
    annotator.layers.draw_boxes()
    rest = Rest(annotator)
    assert (points.mode, boxes.mode) == ("pan_zoom", "pan_zoom")
    points.mode = "select"
    rest.end()
    assert (points.mode, boxes.mode) == ("select", "add_rectangle")
