import numpy as np
import pytest

from napari_segment_anything.tracking.fragments import (
    common_outline,
    fragments_of,
    n_seen,
    shift_between,
)
from napari_segment_anything.tracking.linking import link
from napari_segment_anything.tracking.objects import measure

from . import movies

STILL = np.zeros((6, 2))


def halves_of(frame, k, column):
    """Replace a mask by what lies left and right of a column."""
    whole = frame.full_mask(k)
    left, right = whole.copy(), whole.copy()
    left[:, column:] = False
    right[:, :column] = False
    others = [frame.full_mask(i) for i in range(len(frame)) if i != k]
    return movies.from_full([left, right, *others])


def measured(frames):
    return [measure(frame) for frame in frames]


def test_halves_have_the_outline_of_the_whole_and_daughters_do_not():
    broken = measured(movies.broken_for_a_moment())
    assert common_outline(broken, (2, 0), [(3, 0), (3, 1)]) > 0.9
    divided = measured(movies.division())
    assert common_outline(divided, (3, 0), [(4, 1), (4, 2)]) < 0.5


def test_motion_does_not_change_the_outline():
    frames = [movies.disks((40, 40, 12)), movies.disks((60, 100, 12))]
    frames[1] = halves_of(frames[1], 0, 100)
    objects = measured(frames)
    assert common_outline(objects, (0, 0), [(1, 0), (1, 1)]) > 0.95


def test_how_many_objects_another_frame_has():
    objects = measured(movies.broken_for_a_moment())
    assert n_seen(objects, STILL, 3, (0, 1), 4) == (1, 0)
    divided = measured(movies.division())
    assert n_seen(divided, STILL, 4, (1, 2), 5) == (2, None)
    # Two objects that are nowhere near.
    assert n_seen(objects, STILL, 3, (0, 2), 0) == (2, None)


def test_one_of_two_halves_is_but_a_piece():
    objects = measured(movies.broken_for_a_moment())
    assert [len(fragments_of(objects, STILL, t)) for t in range(7)] == [
        *[0] * 3,
        1,
        *[0] * 3,
    ]
    assert fragments_of(objects, STILL, 3, kept={(3, 0), (3, 1)}) == frozenset()


def test_two_objects_that_one_frame_merges_are_no_pieces():
    objects = measured(movies.merged_then_split())
    assert all(not fragments_of(objects, STILL, t) for t in range(7))


def test_daughters_are_no_pieces():
    objects = measured(movies.division())
    assert all(not fragments_of(objects, STILL, t) for t in range(7))


def test_a_fragment_does_not_take_the_place_of_a_missed_neighbour():
    # The neighbour is missed while the object is in two, and comes back beside it.
    frames = [movies.disks((48, 60, 12), (48, 86, 11)) for _ in range(6)]
    frames[3] = halves_of(frames[3], 0, 60).select([0, 1])
    lineage = link(frames)
    tracks = {track.nodes[0]: track for track in lineage.tracks}
    assert tracks[0, 1].frames == (0, 1, 2, 4, 5)
    assert tracks[0, 0].frames == (0, 1, 2, 3, 4, 5)
    assert lineage.divisions == ()


@pytest.mark.parametrize(("a", "b", "sign"), [(1, 3, 1), (3, 1, -1), (2, 2, 0)])
def test_shifts_add_up_both_ways(a, b, sign):
    shifts = np.tile([[1.0, 2.0]], (5, 1))
    np.testing.assert_array_equal(shift_between(shifts, a, b), sign * np.array([2, 4]))
