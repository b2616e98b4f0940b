from napari_segment_anything.tracking.linking import LinkingSettings, link
from napari_segment_anything.tracking.propagation import track_masks

from . import movies
from .test_propagation import run


def without(frames, t, k):
    """Leave a mask out of a frame."""
    changed = list(frames)
    changed[t] = frames[t].select([i for i in range(len(frames[t])) if i != k])
    return changed


def divisions_of(lineage):
    return {
        (
            lineage.by_id[parent].nodes[-1],
            frozenset(lineage.by_id[child].nodes[0] for child in children),
        )
        for parent, children in lineage.divisions
    }


def test_a_daughter_that_was_missed_at_first_is_one():
    lineage = link(without(movies.division(), 4, 2))
    assert divisions_of(lineage) == {((3, 0), frozenset({(4, 1), (5, 2)}))}


def test_a_division_whose_mother_was_missed_is_one():
    lineage = link(without(movies.division(), 3, 0))
    assert divisions_of(lineage) == {((2, 0), frozenset({(4, 1), (4, 2)}))}


def test_objects_that_do_not_divide_have_no_late_daughters():
    frames = without(movies.division(), 4, 2)
    assert link(frames, LinkingSettings(division=False)).divisions == ()


def test_a_new_object_beside_one_that_did_not_shrink_is_no_daughter():
    lineage = link(movies.enters_late())
    beside = [
        movies.disks((40, 50, 9), (40, 72, 9)) if t >= 3 else movies.disks((40, 50, 9))
        for t in range(7)
    ]
    assert lineage.divisions == link(beside).divisions == ()


def test_a_missed_daughter_is_asked_for():
    truth = movies.division()
    predictor = movies.TruthPredictor(truth)
    _, result = run(track_masks(without(truth, 4, 2), predictor))
    assert divisions_of(result.lineage) == {((3, 0), frozenset({(4, 1), (4, 2)}))}
    assert result.repaired == {(4, 2)}


def test_a_missed_mother_is_asked_for():
    truth = movies.division()
    _, result = run(track_masks(without(truth, 3, 0), movies.TruthPredictor(truth)))
    # What is found comes last in its frame.
    assert divisions_of(result.lineage) == {((3, 1), frozenset({(4, 1), (4, 2)}))}


def test_a_track_that_jumped_to_a_neighbour_comes_back_to_its_object():
    # In frame 3 the object is missed, and another one enters beside it and stays.
    object_, other = (40, 50, 9), (40, 69, 9)
    frames = [movies.disks(object_)] * 3 + [movies.disks(other)]
    frames += [movies.disks(object_, other)] * 3
    lineage = link(frames, LinkingSettings(motion_scale=0.2))
    seen = {track.nodes[0]: track.frames for track in lineage.tracks}
    assert seen == {(0, 0): (0, 1, 2, 4, 5, 6), (3, 0): (3, 4, 5, 6)}
