import numpy as np

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.rough_prompts import with_rough_masks

WINDOW = (20, 30, 84, 94)
PROMPTS = Prompts.from_boxes([[0, 0, 5, 5]])


def rough(box):
    y0, x0, y1, x1 = box
    return MaskSet.from_masks((200, 200), [box], [np.ones((y1 - y0, x1 - x0), bool)])


def logits_of(box):
    geometry = FrameGeometry((64, 64), 256)
    given = with_rough_masks(PROMPTS, rough(box), WINDOW, geometry, 64)
    assert given.boxes is PROMPTS.boxes or np.array_equal(given.boxes, PROMPTS.boxes)
    return given.masks[0]


def test_a_mask_lies_where_its_window_shows_it():
    # The window is as large as the low-resolution mask: pixel by pixel.
    logits = logits_of((40, 50, 60, 80))
    inside = np.zeros((64, 64), bool)
    inside[20:40, 20:50] = True
    np.testing.assert_array_equal(logits > 0, inside)
    assert logits[30, 30] > 7.9
    assert logits[5, 5] < -7.9


def test_what_lies_beyond_the_window_is_cut_off():
    logits = logits_of((0, 0, 30, 40))
    expected = np.zeros((64, 64), bool)
    expected[:10, :10] = True
    np.testing.assert_array_equal(logits > 0, expected)
    assert (logits_of((100, 100, 120, 120)) < 0).all()
