import numpy as np
import pytest

from napari_segment_anything.tracking.paint import paint_tracks

from . import movies


def test_ids_are_painted_where_the_masks_are():
    frame = movies.disks((20, 30, 8), (60, 90, 10))
    labels = paint_tracks(frame, [7, 3])
    assert labels.dtype == np.int32
    assert labels.shape == movies.SHAPE
    assert np.array_equal(labels == 7, frame.full_mask(0))
    assert np.array_equal(labels == 3, frame.full_mask(1))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_small_object_is_not_hidden_by_a_large_one(order):
    circles = [(40, 60, 15), (40, 60, 4)]
    frame = movies.disks(*(circles[k] for k in order))
    labels = paint_tracks(frame, [order[0] + 1, order[1] + 1])
    small = movies.disks(circles[1]).full_mask(0)
    assert np.array_equal(labels == 2, small)


def test_objects_without_a_track_are_left_out():
    assert not paint_tracks(movies.disks((20, 30, 8)), [0]).any()


def test_each_object_needs_an_id():
    with pytest.raises(ValueError, match="2 track ids for 1"):
        paint_tracks(movies.disks((20, 30, 8)), [1, 2])
