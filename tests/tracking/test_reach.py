import numpy as np

from napari_segment_anything.tracking.reach import REACH_DIAMETERS, Reach

from . import movies


def test_reach_is_counted_in_diameters_of_what_is_there_and_grows_with_time():
    reach = Reach(3, np.array([40.0, 20.0]))
    way = REACH_DIAMETERS * 2 * 7
    near, far = (40, 20 + way - 2, 7), (40, 20 + way + 4, 7)
    large = (40, 20 + way + 4, 9)
    assert reach.holds(3, movies.disks(near, far)).tolist() == [True, False]
    assert reach.holds(3, movies.disks(large)).tolist() == [True]
    assert reach.holds(5, movies.disks(near, far)).tolist() == [True, True]
    assert reach.holds(1, movies.disks(far)).tolist() == [True]


def test_around_nothing_there_is_nothing():
    reach = Reach(0, np.full(2, np.inf))
    assert not reach.holds(0, movies.disks((40, 40, 9))).any()
    assert reach.holds(0, movies.disks((40, 40, 9)).select([])).tolist() == []
