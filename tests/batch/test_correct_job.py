"""Corrections that belong together: all of them, or none."""

import numpy as np
import pytest

from dividing_movie import dividing_movie
from napari_segment_anything.batch.correct_job import correct_job
from napari_segment_anything.batch.progress import run
from napari_segment_anything.errors import SegmentAnythingError, StorageError
from napari_segment_anything.tracking.correction import EditableTracks

PARENTS = {3: 2, 4: 2}


class Frames:
    """Label images, of which one cannot be read any more after a while."""

    def __init__(self, labels):
        self.labels, self.shape, self.broken = labels, labels.shape, None

    def __getitem__(self, frame):
        if frame == self.broken:
            raise StorageError("The disk is gone.")
        return self.labels[frame]

    def __setitem__(self, frame, labels):
        self.labels[frame] = labels


@pytest.fixture
def tracks():
    return EditableTracks(Frames(dividing_movie()), dict(PARENTS))


def lineage(tracks):
    frames = {one: tracks.frames_of(one) for one in tracks.tracks}
    return frames, tracks.parents, tracks.locked, tracks.apart


def is_untouched(tracks):
    same = np.array_equal(tracks.labels.labels, dividing_movie())
    return same and lineage(tracks) == lineage(
        EditableTracks(dividing_movie(), dict(PARENTS))
    )


def test_lineages_change_when_they_are_told_to_and_all_is_taken_back(tracks):
    steps = [(tracks, lambda them: them.set_apart(4)), (tracks, lambda t: t.cut(1, 3))]
    done = run(correct_job(steps))
    assert tracks.frames_of(1) == list(range(6))
    assert tracks.parents == PARENTS
    assert (tracks.labels.labels == 5).any(axis=(1, 2)).tolist() == [0] * 3 + [1] * 3
    done.settle()
    expected = EditableTracks(dividing_movie(), dict(PARENTS))
    expected.apply(expected.set_apart(4))
    expected.apply(expected.cut(1, 3))
    assert lineage(tracks) == lineage(expected)
    assert np.array_equal(tracks.labels.labels, expected.labels)
    back = [(one, lambda _, undo=undo: undo) for one, undo in done.undo[::-1]]
    run(correct_job(back)).settle()
    assert is_untouched(tracks)


def test_a_later_step_that_does_not_fit_takes_the_others_back(tracks):
    steps = [(tracks, lambda t: t.cut(1, 3)), (tracks, lambda t: t.cut(1, 5))]
    with pytest.raises(SegmentAnythingError, match="from frame 0 to 2"):
        run(correct_job(steps))
    assert is_untouched(tracks)


@pytest.mark.parametrize("n_painted", range(4))
def test_who_cancels_has_what_was_there_before(tracks, n_painted):
    job = correct_job([(tracks, lambda t: t.cut(1, 2))])
    for _ in range(2 + n_painted):
        next(job)
    changed = (tracks.labels.labels != dividing_movie()).any(axis=(1, 2))
    assert changed.sum() == n_painted
    job.close()
    assert is_untouched(tracks)


def test_a_frame_that_cannot_be_read_leaves_all_as_it_was(tracks):
    job = correct_job([(tracks, lambda t: t.cut(1, 2))])
    for _ in range(3):
        next(job)
    tracks.labels.broken = 5
    with pytest.raises(StorageError):
        run(job)
    assert is_untouched(tracks)
