import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_segment_anything.engine.tiling import (
    boxes_that_meet,
    is_any_uncovered,
    lies_whole_in,
    points_shown_best,
    tile_boxes,
    touches_inner_edge,
)
from napari_segment_anything.errors import InvalidSettingsError


@given(st.integers(1, 200), st.integers(1, 200), st.integers(2, 64), st.floats(0, 0.9))
def test_every_object_up_to_the_halo_lies_whole_in_a_tile(height, width, tile, part):
    halo = int(part * tile)
    boxes = tile_boxes((height, width), tile, halo)
    for axis, length in enumerate((height, width)):
        spans = {(box[axis], box[axis + 2]) for box in boxes}
        assert min(start for start, _ in spans) == 0
        assert max(stop for _, stop in spans) == length
        assert all(stop - start <= tile for start, stop in spans)
        size = min(max(halo, 1), length)
        for start in range(length - size + 1):
            assert any(a <= start and start + size <= b for a, b in spans)


def test_a_small_plane_is_one_tile():
    assert tile_boxes((30, 20), 64, 16) == [(0, 0, 30, 20)]


def test_tiles_of_a_known_plane():
    assert tile_boxes((100, 64), 64, 16) == [(0, 0, 64, 64), (36, 0, 100, 64)]


@pytest.mark.parametrize("halo", [-1, 64, 80])
def test_impossible_overlaps_are_refused(halo):
    with pytest.raises(InvalidSettingsError, match="overlap"):
        tile_boxes((100, 100), 64, halo)


def test_points_belong_to_the_tile_that_shows_their_surroundings():
    boxes = tile_boxes((64, 112), 64, 16)
    assert boxes == [(0, 0, 64, 64), (0, 48, 64, 112)]
    points = np.array([[5, 0], [60, 54], [3, 57], [0, 111]], float)
    shown = [points_shown_best(points, box, boxes, (64, 112), 0) for box in boxes]
    np.testing.assert_array_equal(shown[0], [True, True, False, False])
    np.testing.assert_array_equal(shown[1], [False, False, True, True])


@given(st.integers(0, 111), st.floats(-3, 3))
def test_an_object_seen_at_two_places_is_left_out_by_nobody(column, error):
    boxes = tile_boxes((64, 112), 64, 16)
    seen = [np.array([[30.0, column]]), np.array([[30.0, column + error]])]
    assert any(
        points_shown_best(points, box, boxes, (64, 112), 6).all()
        for points, box in zip(seen, boxes, strict=True)
    )


def test_edges_of_the_plane_cut_nothing():
    crop, shape = (0, 0, 64, 64), (64, 112)
    assert not touches_inner_edge((0, 0, 64, 30), crop, shape, 2)
    assert touches_inner_edge((10, 30, 20, 63), crop, shape, 2)
    assert lies_whole_in((0, 0, 64, 30), crop, shape, 2)
    assert not lies_whole_in((10, 30, 20, 64), crop, shape, 2)
    assert not lies_whole_in((10, 30, 20, 90), crop, shape, 2)


def test_only_boxes_that_share_a_pixel_meet():
    boxes = [(0, 0, 4, 4), (4, 0, 8, 4), (3, 3, 5, 5), (0, 4, 4, 8)]
    assert boxes_that_meet((0, 0, 4, 4), boxes) == [boxes[0], boxes[2]]
    assert boxes_that_meet((0, 0, 4, 4), []) == []


def test_cut_objects_are_compared_with_all_whole_ones():
    rng = np.random.default_rng(0)

    def boxes(n, most):
        corners = rng.integers(0, 60, (n, 2))
        return np.hstack([corners, corners + rng.integers(1, most, (n, 2))])

    answers = []
    for _ in range(300):
        cut, whole = boxes(rng.integers(0, 3), 10), boxes(rng.integers(0, 40), 30)
        low = np.maximum(cut[:, None, :2], whole[:, :2])
        high = np.minimum(cut[:, None, 2:], whole[:, 2:])
        shared = np.maximum(high - low, 0).prod(axis=-1).max(axis=1, initial=0)
        areas = (cut[:, 2:] - cut[:, :2]).prod(axis=1)
        answers.append(bool((shared < areas / 2).any()))
        found = is_any_uncovered([tuple(box) for box in cut.tolist()], whole)
        assert found == answers[-1]
    assert 50 < sum(answers) < 250
