import numpy as np

from napari_segment_anything.session.plane_order import outward


def test_planes_ahead_come_before_as_many_behind():
    order = outward((10,), (5,), direction=1)[:, 0]
    assert order.tolist() == [5, 6, 7, 4, 8, 9, 3, 2, 1, 0]


def test_scrolling_backwards_turns_the_order_around():
    order = outward((10,), (5,), direction=-1)[:, 0]
    assert order.tolist() == [5, 4, 3, 6, 2, 1, 7, 0, 8, 9]


def test_the_axis_that_is_scrolled_comes_before_the_others():
    order = outward((4, 3), (1, 1), axis=1, direction=1).tolist()
    assert order[:3] == [[1, 1], [1, 2], [1, 0]]
    # Then the nearest lines beside it, and each plane once.
    assert {row[0] for row in order[3:9]} == {0, 2}
    assert len(np.unique(order, axis=0)) == 12


def test_a_single_plane():
    assert outward((), ()).tolist() == [[]]
