import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.faint import lasting
from napari_segment_anything.tracking.repair_settings import RepairSettings

from . import movies

SURE = [movies.disks((20, 20, 9), (20, 60, 9), (20, 100, 9), (20, 140, 9))] * 6


def test_what_is_alike_in_three_frames_counts():
    faint = [movies.disks((70, 50 + t, 9)) for t in range(6)]
    faint[1] = MaskSet.empty(movies.SHAPE)
    found = lasting(faint, SURE, min_frames=3)
    assert [len(masks) for masks in found] == [0, 0, 1, 1, 1, 1]


def test_noise_has_another_shape_in_each_frame():
    rng = np.random.default_rng(0)
    faint = [movies.disks((70, int(rng.integers(20, 140)), 7)) for _ in range(6)]
    assert all(len(masks) == 0 for masks in lasting(faint, SURE, min_frames=3))


def test_a_moved_stage_is_no_motion_of_the_object():
    places = [(20, 30), (35, 70), (50, 35), (20, 110), (60, 80)]
    sure = [
        movies.disks(*[(y, x + 12 * t, 6) for y, x in places], shape=(96, 200))
        for t in range(4)
    ]
    faint = [movies.disks((80, 60 + 12 * t, 8), shape=(96, 200)) for t in range(4)]
    assert [len(m) for m in lasting(faint, sure, min_frames=4)] == [1, 1, 1, 1]


def test_each_mask_goes_on_as_one():
    one = movies.disks((70, 50, 9))
    two = movies.disks((70, 50, 9), (70, 52, 9))
    found = lasting([one, two, one], SURE[:3], min_frames=3)
    assert [len(masks) for masks in found] == [1, 1, 1]


@pytest.mark.parametrize("seen_surely", [1, 3])
def test_what_one_frame_beside_shows_surely_counts(seen_surely):
    faint = [movies.disks((70, 50 + t, 9)) for t in range(6)]
    faint = [
        masks if t == 2 else MaskSet.empty(movies.SHAPE)
        for t, masks in enumerate(faint)
    ]
    sure = list(SURE)
    sure[seen_surely] = movies.disks((20, 20, 9), (20, 60, 9), (70, 51, 9))
    found = lasting(faint, sure, min_frames=3)
    assert [len(masks) for masks in found] == [0, 0, 1, 0, 0, 0]


def test_a_sure_mask_of_another_shape_does_not_count():
    faint = [MaskSet.empty(movies.SHAPE)] * 2 + [movies.disks((70, 50, 9))]
    sure = [*SURE[:3], movies.disks((20, 20, 9), (20, 60, 9), (70, 60, 9))]
    faint.append(MaskSet.empty(movies.SHAPE))
    assert all(len(masks) == 0 for masks in lasting(faint, sure, min_frames=3))


def test_one_frame_does_not_last():
    with pytest.raises(InvalidSettingsError, match="faint_frames"):
        RepairSettings(faint_frames=1)
