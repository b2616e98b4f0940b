import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.overlay import track_colours
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.result_overlay import segment_overlay, track_overlay
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.stacks.stack import Stack


def movie(n_frames=4):
    """One square that moves right by 12 pixels a frame."""
    data = np.zeros((n_frames, 64, 96), np.uint8)
    for t in range(n_frames):
        data[t, 20:40, 8 + 12 * t : 24 + 12 * t] = 200
    return data


@pytest.mark.parametrize("axes", ["TYX", "TZYX"])
def test_the_tail_leads_from_where_an_object_was_to_where_it_is(axes):
    data = movie()
    if axes == "TZYX":
        empty = np.zeros_like(data)
        data = np.stack([empty, data, empty], axis=1)
    stack = Stack(data, axes)
    picture = track_overlay(stack, run(track_stack(stack, bright_predictor())))
    # Four frames make a grid of two by two; each is 800 wide, its scale 800 / 96.
    scale, gap = 800 / 96, 4
    height = round(64 * scale)
    assert picture.shape == (2 * height + gap, 2 * 800 + gap, 3)
    last = picture[height + gap :, 800 + gap :]
    colour = track_colours(np.array([1]))[0]
    is_coloured = (last == colour).all(axis=-1)
    row = is_coloured[int(29 * scale) : int(31 * scale)].any(axis=0)
    first_centre, last_centre = 15.5 * scale, 51.5 * scale
    assert row[int(first_centre) + 9 : int(last_centre) - 9].all()
    assert not row[: int(first_centre) - 9].any()


def test_a_segmentation_has_contours_and_no_tails():
    stack = Stack(movie(1)[0], "YX")
    result = run(segment_stack(stack, bright_predictor()))
    picture = segment_overlay(stack, result)
    colour = track_colours(np.array([1]))[0]
    is_coloured = (picture == colour).all(axis=-1)
    scale = picture.shape[1] / 96
    assert is_coloured.any()
    assert not is_coloured[int(26 * scale) : int(34 * scale)].all(axis=1).any()
    inner = is_coloured[
        int(24 * scale) : int(36 * scale), int(12 * scale) : int(20 * scale)
    ]
    assert not inner.any()
