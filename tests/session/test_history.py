import numpy as np

from napari_segment_anything.session.history import Commit, History
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.planes import PlaneId


def commit(*ids):
    after = np.array(ids, np.int32)
    positions = np.arange(len(ids), dtype=np.int32)
    before = np.zeros(len(ids), np.int32)
    return Commit(PlaneId(), positions, positions, before, after, PlanePrompts())


def test_a_commit_knows_its_objects():
    assert commit(4, 2, 4).object_ids == (2, 4)


def test_pixels_that_someone_changed_since_are_not_the_commits_any_more():
    current = np.array([4, 9, 0])
    assert commit(4, 4, 4).still_there(current).tolist() == [True, False, False]


def test_the_newest_comes_first_and_the_oldest_is_forgotten():
    history = History(n_kept=2)
    first, second, third = commit(1), commit(2), commit(3)
    for each in (first, second, third):
        history.add(each)
    assert [history.pop(), history.pop(), history.pop()] == [third, second, None]
