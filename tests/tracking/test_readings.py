"""The other reading of a doubtful place, and what taking it makes of the tracks."""

import numpy as np
import pytest

from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.readings import readings_of
from napari_segment_anything.tracking.review import Doubt

from . import movies
from .test_correction import painted


def take(tracks, readings):
    for step in readings.steps:
        tracks.apply(step(tracks))


def test_a_start_is_joined_with_what_ended_before_it():
    ids = [[1, 2] if t < 3 else [2] if t == 3 else [5, 2] for t in range(7)]
    tracks = EditableTracks(painted(movies.one_frame_gap(), ids))
    readings = readings_of(tracks, Doubt(4, 5, "appears inside the movie", 0.6))
    assert readings.words == "Join it with track 1"
    ((before, here),) = readings.otherwise
    np.testing.assert_allclose(before, (40, 54))
    np.testing.assert_allclose(here, (40, 58))
    take(tracks, readings)
    assert tracks.frames_of(1) == [0, 1, 2, 4, 5, 6]


def test_an_end_is_joined_with_what_starts_after_it():
    ids = [[1, 2] if t < 3 else [2] if t == 3 else [5, 2] for t in range(7)]
    tracks = EditableTracks(painted(movies.one_frame_gap(), ids))
    readings = readings_of(tracks, Doubt(2, 1, "vanishes inside the movie", 0.5))
    assert readings.words == "Join it with track 5"
    take(tracks, readings)
    assert tracks.tracks == [1, 2]


def test_a_start_beside_an_object_that_goes_on_is_its_daughter():
    ids = [[1, 2] if t < 4 else [2, 1, 4] for t in range(7)]
    tracks = EditableTracks(painted(movies.division(), ids))
    readings = readings_of(tracks, Doubt(4, 4, "appears inside the movie", 0.6))
    assert readings.words == "Make it a daughter of track 1"
    assert len(readings.as_read) == len(readings.otherwise) == 1
    take(tracks, readings)
    assert tracks.frames_of(1) == [0, 1, 2, 3]
    assert tracks.children(1) == [4, 5]
    assert tracks.frames_of(5) == [4, 5, 6]


def test_of_a_division_the_mother_goes_on_as_the_likelier_daughter():
    frames = [movies.disks((40, 60, 10)) for _ in range(3)]
    frames += [movies.disks((42, 61, 9), (30, 75, 6)) for _ in range(3)]
    ids = [[1]] * 3 + [[2, 3]] * 3
    tracks = EditableTracks(painted(frames, ids), {2: 1, 3: 1})
    readings = readings_of(tracks, Doubt(3, 1, "divides", 0.5))
    assert len(readings.as_read) == 2
    assert len(readings.otherwise) == 1
    take(tracks, readings)
    assert tracks.parents == {}
    assert tracks.frames_of(1) == list(range(6))
    assert tracks.frames_of(3) == [3, 4, 5]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("changes its area suddenly", "Cut track 1 in frame 2"),
        ("was filled by the model", "Remove track 1 from this frame"),
    ],
)
def test_a_sudden_change_is_cut_and_a_wrong_mask_removed(reason, words):
    frames = [movies.disks((40, 60, 10))] * 4
    tracks = EditableTracks(painted(frames, [[1]] * 4))
    readings = readings_of(tracks, Doubt(2, 1, reason, 0.5))
    assert readings.words == words
    take(tracks, readings)
    assert 1 not in tracks.ids(2)


def test_where_nothing_else_is_near_there_is_no_other_reading():
    tracks = EditableTracks(painted([movies.disks((40, 60, 10))] * 3, [[1], [2], [2]]))
    assert readings_of(tracks, Doubt(1, 9, "appears", 0.5)).words == ""
    alone = EditableTracks(
        painted([movies.disks((20, 20, 9)), movies.disks((80, 140, 9))], [[1], [2]])
    )
    assert readings_of(alone, Doubt(1, 2, "appears", 0.5)).steps == ()
