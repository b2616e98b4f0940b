import imagecodecs
import numpy as np
import pytest
from PIL import Image

from napari_segment_anything.batch.overlay import (
    OverlayFrame,
    choose_frames,
    contact_sheet,
    draw_frame,
    is_own_png,
    png_bytes,
    track_colours,
)


def frame(number=0, shape=(60, 80), tails=None):
    labels = np.zeros(shape, np.int32)
    labels[40:50, 20:40] = 7
    image = np.full((*shape, 3), 100, np.uint8)
    return OverlayFrame(number, image, labels, tails or {})


def test_only_the_border_of_an_object_is_coloured():
    picture = draw_frame(frame(), side=80)
    colour = track_colours(np.array([7]))[0]
    is_coloured = (picture == colour).all(axis=-1)
    expected = np.zeros((60, 80), bool)
    expected[40:50, 20:40] = True
    expected[41:49, 21:39] = False
    np.testing.assert_array_equal(is_coloured, expected)


def test_a_tail_joins_the_places_an_object_came_from():
    tail = {7: np.array([[30.0, 60.0], [30.0, 70.0]])}
    picture = draw_frame(frame(tails=tail), side=80)
    colour = track_colours(np.array([7]))[0]
    assert (picture[30, 60:71] == colour).all()
    assert (picture[28, 55:80] == 100).all()


def test_tails_that_leave_the_picture_are_cut():
    tail = {7: np.array([[-20.0, -20.0], [100.0, 200.0]])}
    assert draw_frame(frame(tails=tail), side=80).shape == (60, 80, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (600, 30)])
def test_any_shape_is_scaled_to_the_wanted_side(shape):
    labels = np.ones(shape, np.int32)
    picture = draw_frame(
        OverlayFrame(12, np.zeros((*shape, 3), np.uint8), labels, {}), side=90
    )
    assert max(picture.shape) == 90


def test_neighbouring_ids_have_clearly_different_colours():
    colours = track_colours(np.arange(1, 50)).astype(int)
    distance = np.abs(np.diff(colours, axis=0)).max(axis=1)
    assert distance.min() > 80


@pytest.mark.parametrize(("n", "grid"), [(1, (1, 1)), (2, (1, 2)), (9, (3, 3))])
def test_the_sheet_is_a_grid_in_reading_order(n, grid):
    sheet = contact_sheet([frame(i) for i in range(n)], side=80)
    rows, columns = grid
    assert sheet.shape == (rows * 64 - 4, columns * 84 - 4, 3)


def test_frames_are_spread_from_the_first_to_the_last():
    assert choose_frames(4) == [0, 1, 2, 3]
    assert choose_frames(1) == [0]
    assert choose_frames(17) == [0, 2, 4, 6, 8, 10, 12, 14, 16]


def test_png_is_lossless():
    picture = draw_frame(frame(3), side=80)
    decoded = imagecodecs.png_decode(png_bytes(picture))
    np.testing.assert_array_equal(decoded, picture)


def test_an_own_picture_is_told_from_others(tmp_path):
    picture = np.full((5, 6, 3), 9, np.uint8)
    own, other = tmp_path / "own.png", tmp_path / "other.png"
    own.write_bytes(png_bytes(picture))
    other.write_bytes(imagecodecs.png_encode(picture))
    assert is_own_png(own)
    assert not is_own_png(other)
    assert not is_own_png(tmp_path / "missing.png")
    # Another program finds the text where it looks for it, and no wrong checksum.
    assert Image.open(own).info["Software"] == "napari-segment-anything"
    np.testing.assert_array_equal(np.asarray(Image.open(own)), picture)
