"""Which windows show what is small."""

import numpy as np
import pytest

from napari_segment_anything.engine.prompt_windows import PromptWindows
from napari_segment_anything.engine.prompts import Prompts


def pairs(*lengths):
    """Two points inside, so far apart, of each object."""
    points = np.array([[(900, 900), (900, 900 + n)] for n in lengths], np.float32)
    return Prompts(points, np.ones(points.shape[:2], np.int64))


def test_an_answer_is_small_below_40_pixels_of_a_frame_of_512():
    windows = PromptWindows((2048, 2048), 512, 0.5, n_closer=2)
    assert windows.sides[:4] == [128, 256, 512, 1024]
    areas = np.array([39**2, 40**2, 0])
    prompts = pairs(0, 0, 0)
    levels = windows.first_levels(prompts)
    assert levels.tolist() == [2, 2, 2]
    chosen = windows.look_closer(prompts, levels, areas)
    assert chosen.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("length", "level", "expected"),
    [(128, 2, True), (129, 2, False), (256, 2, False), (257, 3, False)],
)
def test_a_closer_window_shows_all_points_inside(length, level, expected):
    windows = PromptWindows((2048, 2048), 512, 0.5, n_closer=2)
    prompts = pairs(length)
    levels = windows.first_levels(prompts)
    assert levels.tolist() == [level]
    assert windows.look_closer(prompts, levels, np.array([9])).tolist() == [expected]


def test_without_closer_windows_nothing_is_looked_at_from_closer():
    windows = PromptWindows((300, 200), 300, 0.5)
    prompts = pairs(0)
    levels = windows.first_levels(prompts)
    assert windows.look_closer(prompts, levels, np.array([9])).tolist() == [False]
