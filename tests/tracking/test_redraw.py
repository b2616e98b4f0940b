"""Masks that somebody has prompted take their place in a track."""

import numpy as np
import pytest

from dividing_movie import dividing_movie
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.tracking.redraw import owner_of, redraw

PARENTS = {3: 2, 4: 2}


def box(y0, x0, y1, x1):
    mask = np.zeros((96, 96), bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.fixture
def tracks():
    return EditableTracks(dividing_movie(), dict(PARENTS))


def test_the_mask_replaces_the_old_one_and_is_locked(tracks):
    before = tracks.read(2).copy()
    mask = box(10, 8, 30, 30)
    undo = tracks.apply(redraw(tracks, 1, 2, mask))
    assert ((tracks.read(2) == 1) == mask).all()
    assert tracks.locked == {(2, 1)}
    assert ((tracks.read(2) == 2) == (before == 2)).all()
    tracks.apply(undo)
    assert (tracks.read(2) == before).all()
    assert tracks.locked == frozenset()


def test_locked_objects_keep_their_pixels_and_others_give_theirs(tracks):
    mask = box(20, 10, 70, 60)
    tracks.apply(redraw(tracks, 1, 2, mask))
    assert not (tracks.read(2)[mask] == 2).any()
    tracks = EditableTracks(dividing_movie(), dict(PARENTS), frozenset({(2, 2)}))
    before = tracks.read(2) == 2
    tracks.apply(redraw(tracks, 1, 2, mask))
    assert ((tracks.read(2) == 2) == before).all()
    with pytest.raises(InvalidCorrectionError, match="Unlock"):
        redraw(tracks, 1, 2, box(62, 45, 70, 50))


def test_a_mother_is_not_seen_after_her_daughters(tracks):
    with pytest.raises(InvalidCorrectionError, match="divides into 3"):
        redraw(tracks, 2, 4, box(60, 40, 70, 50))
    with pytest.raises(InvalidCorrectionError, match="is born of 2"):
        redraw(tracks, 3, 1, box(60, 40, 70, 50))
    tracks.apply(redraw(tracks, tracks.new_id(), 4, box(2, 60, 8, 70)))
    assert tracks.parents == PARENTS


def test_the_owner_is_the_one_that_is_most_alike(tracks):
    # There already.
    assert owner_of(tracks, 2, box(13, 10, 29, 24)) == 1
    # Missed here, seen before and after.
    tracks.labels[2][tracks.labels[2] == 1] = 0
    tracks.note_painting(2)
    assert owner_of(tracks, 2, box(14, 10, 28, 24)) == 1
    # Nowhere: a new track.
    assert owner_of(tracks, 2, box(80, 80, 90, 90)) == 5
    # Two that were merged into one mask: the one that is missed is found.
    tracks = EditableTracks(dividing_movie(), {})
    plane = tracks.read(4).copy()
    plane[plane == 4] = 3
    tracks.labels[4] = plane
    tracks.note_painting(4)
    assert owner_of(tracks, 4, dividing_movie()[4] == 4) == 4


def test_the_chosen_track_is_taken_unless_it_lies_elsewhere(tracks):
    assert owner_of(tracks, 2, box(60, 40, 76, 64), chosen=1) == 2
    assert owner_of(tracks, 2, box(20, 20, 40, 40), chosen=1) == 1
    tracks.labels[2][tracks.labels[2] == 1] = 0
    tracks.note_painting(2)
    assert owner_of(tracks, 2, box(80, 80, 90, 90), chosen=1) == 1


def test_new_ids_are_new_in_all_movies(tracks):
    other = EditableTracks(dividing_movie() * 10, {})
    tracks.beside = [other]
    assert tracks.new_id() == 41
