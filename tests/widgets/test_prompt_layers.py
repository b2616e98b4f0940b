import numpy as np
import pytest
from napari.layers import Image

from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.prompt_layers import COLOURS, PromptLayers

pytestmark = pytest.mark.gui

FIRST = PlaneId(("Y", "X"), (("T", 0),))
SECOND = PlaneId(("Y", "X"), (("T", 1),))
RIGHT, LEFT = 2, 1


@pytest.fixture
def layers(qapp):
    return PromptLayers(Image(np.zeros((3, 40, 50))), "TYX")


@pytest.fixture
def changes(layers):
    counted = []
    layers.changed.connect(lambda: counted.append(1))
    return counted


class Click:
    """What a mouse callback of napari reads of its event."""

    def __init__(self, button, modifiers=()):
        self.button = button
        self.modifiers = modifiers


def click(layers, position, button=LEFT, modifiers=()):
    for callback in layers.points.mouse_drag_callbacks:
        if callback == layers._note_button:
            callback(layers.points, Click(button, modifiers))
    layers.points.add(position)


def test_every_edit_is_told_once(layers, changes):
    layers.points.add([0, 5, 5])
    assert len(changes) == 1
    layers.points.add([0, 9, 9])
    assert len(changes) == 2
    layers.points.selected_data = {0}
    layers.points.remove_selected()
    assert len(changes) == 3
    layers.boxes.add_rectangles([[0, 1, 1], [0, 1, 9], [0, 9, 9], [0, 9, 1]])
    assert len(changes) == 4
    layers.boxes.selected_data = {0}
    layers.boxes.remove_selected()
    assert len(changes) == 5
    layers.points.data = np.array([[0, 1, 2], [0, 2, 3]])
    assert len(changes) == 6


def test_left_is_inside_right_or_alt_is_outside(layers):
    click(layers, [0, 1, 1])
    click(layers, [0, 2, 2], button=RIGHT)
    click(layers, [0, 3, 3])
    click(layers, [0, 4, 4], modifiers=("Alt",))
    click(layers, [0, 5, 5])
    drawn = layers.prompts_on(FIRST)
    assert drawn.is_inside.tolist() == [True, False, True, False, True]


def test_selecting_a_point_does_not_change_the_next_ones_polarity(layers):
    click(layers, [0, 2, 2], button=RIGHT)
    layers.points.selected_data = {0}
    click(layers, [0, 3, 3])
    assert layers.prompts_on(FIRST).is_inside.tolist() == [False, True]


def test_polarity_shows_as_colour_and_symbol(layers):
    layers.points.add([0, 1, 1])
    layers.polarity = Polarity.OUTSIDE
    layers.points.add([0, 2, 2])
    assert [str(symbol) for symbol in layers.points.symbol] == ["disc", "cross"]
    hexes = [
        "#" + "".join(f"{round(255 * v):02X}" for v in colour[:3])
        for colour in layers.points.face_color
    ]
    assert hexes == [COLOURS[Polarity.INSIDE], COLOURS[Polarity.OUTSIDE]]


def test_polarity_is_a_feature_that_can_be_edited(layers, changes):
    layers.points.add([0, 1, 1])
    features = layers.points.features.copy()
    features["polarity"] = "outside"
    layers.points.features = features
    assert len(changes) == 2
    assert not layers.prompts_on(FIRST).is_inside.any()
    assert str(layers.points.symbol[0]) == "cross"


def test_prompts_of_other_planes_are_not_returned(layers):
    layers.points.add([[0, 1, 2], [1, 3, 4], [1, 5, 6]])
    layers.boxes.add_rectangles([[1, 1, 1], [1, 1, 9], [1, 9, 9], [1, 9, 1]])
    assert layers.prompts_on(FIRST).points.tolist() == [[1, 2]]
    assert layers.prompts_on(FIRST).boxes.shape == (0, 4)
    assert layers.prompts_on(SECOND).points.tolist() == [[3, 4], [5, 6]]
    assert layers.prompts_on(SECOND).boxes.tolist() == [[1, 1, 9, 9]]


def test_prompts_on_a_plane_along_depth(layers):
    layers.points.add([[0, 7, 2], [1, 7, 4], [1, 5, 6]])
    plane = PlaneId(("T", "X"), (("Y", 7),))
    assert layers.prompts_on(plane).points.tolist() == [[0, 2], [1, 4]]


def test_clearing_a_plane_keeps_the_others_and_is_one_change(layers, changes):
    layers.points.add([[0, 1, 2], [1, 3, 4]])
    layers.boxes.add_rectangles([[0, 1, 1], [0, 1, 9], [0, 9, 9], [0, 9, 1]])
    layers.polarity = Polarity.OUTSIDE
    del changes[:]
    layers.clear(FIRST)
    assert layers.prompts_on(FIRST).is_empty
    assert layers.prompts_on(SECOND).points.tolist() == [[3, 4]]
    assert len(changes) == 1
    # A new object starts with an inside point.
    assert layers.polarity == Polarity.INSIDE


def test_what_is_drawn_again_is_what_was_there(layers, changes):
    click(layers, [1, 1, 1])
    click(layers, [1, 2, 2], button=RIGHT)
    layers.boxes.add_rectangles([[1, 1, 1], [1, 1, 9], [1, 9, 9], [1, 9, 1]])
    drawn = layers.drawing_on(SECOND)
    layers.clear(SECOND)
    del changes[:]
    layers.draw(SECOND, drawn)
    assert layers.drawing_on(SECOND).equals(drawn)
    assert len(changes) == 1
    assert [str(symbol) for symbol in layers.points.symbol] == ["disc", "cross"]


def test_every_shape_comes_back_as_what_it_was(layers):
    corners = np.array([[0, 1, 1], [0, 1, 9], [0, 9, 9], [0, 9, 1]])
    for kind in ("rectangle", "ellipse", "polygon", "path"):
        layers.boxes.add(corners, shape_type=kind)
    layers.boxes.add(corners[:2], shape_type="line")
    click(layers, [0, 2, 2], button=RIGHT)
    click(layers, [0, 3, 3])
    content = layers.content
    layers.clear(FIRST)
    assert layers.content.is_empty
    layers.restore(content)
    assert layers.content.equals(content)
    assert [str(symbol) for symbol in layers.points.symbol] == ["cross", "disc"]
    # The next click is not what the last restored point was.
    click(layers, [0, 4, 4])
    assert layers.prompts_on(FIRST).is_inside[:3].tolist() == [False, True, True]


def test_a_new_point_is_seen_in_its_own_colour(layers, qtbot):
    """A selected point looks blue, inside and outside alike."""
    layers.points.mode = "add"
    layers.polarity = Polarity.OUTSIDE
    layers.points.add([0, 5, 5])
    qtbot.waitUntil(lambda: not layers.points.selected_data, timeout=1000)
    layers.points.mode = "select"
    layers.points.selected_data = {0}
    qtbot.wait(20)
    assert layers.points.selected_data == {0}


def test_outlines_that_are_not_shown_are_drawn_again(layers, viewer_model):
    viewer_model.add_layer(Image(np.zeros((3, 40, 50))))
    viewer_model.add_layer(layers.boxes)
    viewer_model.dims.set_point(0, 1)
    for x in (1, 20):
        corners = [[1, 1, x], [1, 1, x + 8], [1, 9, x + 8], [1, 9, x]]
        layers.boxes.add_rectangles(corners)
    viewer_model.dims.set_point(0, 0)
    layers.restore(layers.content)
    assert len(layers.boxes.data) == len(layers.boxes.features) == 2


def test_points_that_are_moved_leave_what_was_drawn_again_alone(layers):
    layers.points.add([0, 10, 10])
    drawn = layers.content
    layers.restore(drawn)
    # napari's drag does this.
    layers.points.data[0, 1:] += 5
    assert drawn.points.tolist() == [[0, 10, 10]]
    assert not layers.content.equals(drawn)


def test_what_waits_for_a_shape_is_done_when_it_is_finished_unless_closed(
    layers, qtbot
):
    done = []
    layers._n_finished = -1  # as while a shape is being drawn
    layers.when_finished(lambda: done.append("first"))
    assert done == []
    layers._n_finished = 0
    qtbot.waitUntil(lambda: done == ["first"], timeout=2000)
    layers._n_finished = -1
    layers.when_finished(lambda: done.append("second"))
    layers.is_closed = True
    qtbot.wait(250)
    layers._n_finished = 0
    qtbot.wait(250)
    assert done == ["first"]
