"""Tracks that exist already are reviewed like those that were just found."""

import numpy as np

from dividing_movie import dividing_movie
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.reviewed import review_tracks

from .test_propagation import run


def test_doubts_of_tracks_that_exist():
    labels = dividing_movie()
    labels[2][labels[2] == 1] = 0
    labels[3:, 30:40, 80:90] = 9
    steps, doubts = run(review_tracks(EditableTracks(labels, {3: 2, 4: 2})))
    assert [done for _, done, _ in steps] == [1, 2, 3, 4, 5, 6]
    found = {(d.frame, d.track, d.reason) for d in doubts}
    assert (2, 1, "is hidden for a while") in found
    assert (3, 9, "appears inside the movie") in found
    assert (3, 2, "divides") in found
    assert [d.score for d in doubts] == sorted((d.score for d in doubts), reverse=True)


def test_what_is_locked_is_not_doubtful_and_nothing_is_no_doubt():
    labels = dividing_movie()
    tracks = EditableTracks(labels, {3: 2, 4: 2}, frozenset({(3, 2)}))
    _, doubts = run(review_tracks(tracks))
    assert all(d.reason != "divides" or d.frame != 3 for d in doubts)
    empty = EditableTracks(np.zeros((3, 9, 9), int), {})
    assert run(review_tracks(empty))[1] == []
