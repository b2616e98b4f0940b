import numpy as np
import pytest

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.motion import (
    global_displacement,
    mutual_nearest,
    neighbour_motion,
    regression_slope,
)
from napari_segment_anything.tracking.settings import (
    LinkingSettings,
    estimate_settings,
)

from . import movies


@pytest.mark.parametrize("shift", [(0, 0), (12, -7), (-40, 31)])
def test_shift_of_the_whole_frame_is_found(shift):
    rng = np.random.default_rng(1)
    before = rng.uniform(0, 300, (60, 2))
    after = (before + shift + rng.normal(0, 0.5, before.shape))[5:]
    found = global_displacement(before, after, scale=20.0)
    assert found == pytest.approx(shift, abs=1.0)


def test_too_few_points_tell_no_shift():
    nothing = np.zeros((0, 2))
    assert global_displacement(nothing, nothing, scale=5.0).tolist() == [0, 0]
    one = np.array([[3.0, 4.0]])
    assert global_displacement(one, one + 9, scale=5.0).tolist() == [0, 0]


def test_mutual_nearest_pairs_are_one_to_one_and_near():
    before = np.array([[0.0, 0], [0, 1], [50, 50]])
    after = np.array([[0.0, 1.2], [90, 90]])
    i, j = mutual_nearest(before, after, 5.0)
    assert (i.tolist(), j.tolist()) == ([1], [0])


def test_neighbours_do_not_count_themselves():
    points = np.array([[0.0, 0], [0, 10], [10, 0], [10, 10], [5, 5]])
    motion = np.tile([2.0, 1.0], (5, 1))
    motion[4] = (90.0, 90.0)
    field = neighbour_motion(points, np.arange(5), motion, n_neighbours=4)
    assert field[4].tolist() == [2.0, 1.0]


def test_slope_is_that_of_the_line_within_bounds():
    x = np.arange(12.0).reshape(6, 2)
    assert regression_slope(x, 0.4 * x) == pytest.approx(0.4)
    assert regression_slope(x, -x) == 0
    assert regression_slope(x, 3 * x) == 1
    assert regression_slope(np.zeros((6, 2)), x[:6]) == 0


def test_flying_objects_are_recognised():
    # Not 1: where the rows meet, some nearest neighbours are the wrong ones.
    assert estimate_settings(movies.crossing()).persistence > 0.6


def test_wandering_objects_are_recognised():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(20, 80, 20), np.arange(20, 150, 20)), -1)
    home = grid.reshape(-1, 2).astype(float)
    frames = []
    for _ in range(8):
        home = home + rng.normal(0, 1.0, home.shape)
        frames.append(movies.disks(*[(y, x, 6) for y, x in home]))
    assert estimate_settings(frames).persistence < 0.3


@pytest.mark.parametrize(
    "bad",
    [
        {"max_distance": 0},
        {"motion_scale": float("nan")},
        {"gap_frames": -1},
        {"persistence": 1.5},
        {"coherence": -0.1},
        {"unlinked_cost": -1},
    ],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(InvalidSettingsError):
        LinkingSettings(**bad)
