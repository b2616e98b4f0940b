"""Clicks on tracked objects and on their paths."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels, Tracks

from napari_segment_anything.widgets.time_picker import TrackPicker

pytestmark = pytest.mark.gui


def click(layer, *position):
    event = SimpleNamespace(
        position=position,
        view_direction=None,
        dims_displayed=[1, 2],
        type="mouse_press",
    )
    for callback in layer.mouse_drag_callbacks:
        callback(layer, event)


@pytest.fixture
def layers():
    """Track 3 at the top left, track 8 at the bottom right, in two frames."""
    data = np.zeros((2, 40, 40), np.int32)
    data[:, 2:12, 2:12] = 3
    data[:, 26:38, 26:38] = 8
    rows = [[i, t, p, p] for i, p in ((3, 6.5), (8, 31.5)) for t in (0, 1)]
    scale = (1, 0.5, 0.5)
    return Labels(data, scale=scale), Tracks(np.array(rows), scale=scale)


def test_a_click_on_a_path_is_one_on_its_object(layers):
    labels, paths = layers
    picker = TrackPicker(labels)
    assert picker.listen(paths)
    assert not picker.listen(paths)
    click(labels, 0, 3, 3)
    assert labels.selected_label == 3
    click(paths, 1, 17, 17)
    assert labels.selected_label == 8
    # Beside all objects it is the nearest path.
    click(paths, 0, 7, 7)
    assert labels.selected_label == 3
    # Not while somebody paints.
    labels.mode = "paint"
    click(labels, 0, 17, 17)
    assert labels.selected_label == 3
    picker.close()
    click(paths, 1, 17, 17)
    assert labels.selected_label == 3


def test_the_next_click_answers_which_other_track_is_meant(layers):
    labels, paths = layers
    picker = TrackPicker(labels)
    picker.listen(paths)
    answers, said = [], []
    picker.answered.connect(lambda *answer: answers.append(answer))
    picker.said.connect(said.append)
    picker.ask("swap", 3)
    click(paths, 0, 17, 17)
    assert answers == [("swap", 3, 8)]
    assert "track 3 is confused with" in said[0]
    picker.ask("join", 3)
    picker.forget()
    click(labels, 0, 17, 17)
    assert len(answers) == 1
