"""Which windows show what is small."""

import numpy as np

from napari_segment_anything.engine.prompt_windows import PromptWindows


def test_an_answer_is_small_below_40_pixels_of_a_frame_of_512():
    windows = PromptWindows((2048, 2048), 512, 0.5, n_closer=2)
    assert windows.sides[:4] == [128, 256, 512, 1024]
    areas = np.array([39**2, 40**2, 79**2, 80**2, 0])
    levels = np.array([2, 2, 3, 3, 3])
    expected = [True, False, True, False, True]
    assert windows.are_small(levels, areas).tolist() == expected
