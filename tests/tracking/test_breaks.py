import pytest

from napari_segment_anything.tracking.breaks import find_breaks
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.objects import measure

from . import movies


def test_both_ends_of_an_unusually_long_link_are_asked_about():
    # The second object is missed from frame 3 on; its track is said to go on as a
    # third one, which enters there.
    frames = [
        movies.disks((40, 30, 9), (40, 80, 9) if t < 3 else (75, 110, 9))
        for t in range(6)
    ]
    links = [((t, k), (t + 1, k)) for t in range(5) for k in range(2)]
    lineage = Lineage.from_links([2] * 6, links)
    objects = [measure(frame) for frame in frames]
    found = find_breaks(frames, objects, lineage)
    assert {(one.frame, one.direction) for one in found} == {(3, 1), (2, -1)}
    only = find_breaks(frames, objects, lineage, backwards=False)
    assert {(one.frame, one.direction) for one in only} == {(3, 1)}


def test_objects_that_all_move_far_are_not_doubted():
    frames = [
        movies.disks((30, 20 + 22 * t, 9), (70, 140 - 22 * t, 9)) for t in range(5)
    ]
    links = [((t, k), (t + 1, k)) for t in range(4) for k in range(2)]
    lineage = Lineage.from_links([2] * 5, links)
    objects = [measure(frame) for frame in frames]
    assert find_breaks(frames, objects, lineage) == []


@pytest.mark.parametrize(("way", "kind"), [(2, "hidden"), (24, "missing")])
def test_what_is_far_away_after_a_gap_is_not_just_hidden(way, kind):
    still = [(20, 120, 8), (70, 120, 8), (70, 30, 8)]
    frames = [movies.disks(*still, (30, 30, 8)) for _ in range(3)]
    frames += [movies.disks(*still), movies.disks(*still, (30, 30 + way, 8))]
    links = [((t, k), (t + 1, k)) for t in range(4) for k in range(3)]
    links += [((0, 3), (1, 3)), ((1, 3), (2, 3)), ((2, 3), (4, 3))]
    lineage = Lineage.from_links([len(frame) for frame in frames], links)
    found = find_breaks(frames, [measure(frame) for frame in frames], lineage)
    assert [(one.kind, one.frame) for one in found] == [(kind, 3)]
