import numpy as np
import pytest

pytest.importorskip("skimage")
from training.planes import CROWD_EXPONENT, RARE_FACTOR, make_plane, sampling_weights


def plane_of(n_objects, *, ground=0, set_name="dsb2018"):
    """A plane with so many objects in a row, on a dark or a bright ground."""
    labels = np.zeros((8, 4 * n_objects), np.int32)
    labels[2:4, 1::4] = np.arange(1, n_objects + 1)
    image = np.where(labels > 0, 255, ground).astype(np.uint8)
    image[:, 0] = 0  # the darkest pixel, from which the range is taken
    return make_plane(set_name, "", image, labels)


def test_a_plane_with_more_objects_is_drawn_more_often():
    few, many = sampling_weights([plane_of(2), plane_of(32)])
    assert many / few == pytest.approx(16**CROWD_EXPONENT)


def test_rare_kinds_are_drawn_more_often():
    common, rare = plane_of(4), plane_of(4, ground=120)
    assert rare.is_rare
    assert not common.is_rare
    weights = sampling_weights([common, rare])
    assert weights[1] / weights[0] == pytest.approx(RARE_FACTOR)


def test_drawn_planes_are_all_drawn_as_often():
    planes = [plane_of(n, set_name="synthetic") for n in (1, 9)]
    assert sampling_weights(planes).tolist() == [0.5, 0.5]
