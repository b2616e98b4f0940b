"""What the dock corrects by clicks can be done without a window."""

import numpy as np
import pytest

from bright_sam import bright_predictor
from dividing_movie import N_FRAMES, dividing_movie, stack_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track_correct import correct_tracks
from napari_segment_anything.errors import InvalidImageError, InvalidSettingsError
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError

PARENTS = {3: 2, 4: 2}


@pytest.fixture
def tracks():
    return EditableTracks(dividing_movie(), dict(PARENTS))


@pytest.fixture
def stack():
    return stack_of(dividing_movie())


@pytest.fixture
def predictor():
    return bright_predictor()


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_each_button_of_the_dock_has_its_word(stack, tracks):
    run(correct_tracks(stack, tracks, ["cut 1 3", "apart 3"]))
    assert tracks.frames_of(1) == [0, 1, 2]
    assert tracks.frames_of(5) == [3, 4, 5]
    assert tracks.parents == {4: 2}
    run(correct_tracks(stack, tracks, ["join 5 1", "divide 2 3 4"]))
    assert tracks.frames_of(1) == list(range(N_FRAMES))
    assert tracks.parents == PARENTS
    run(correct_tracks(stack, tracks, ["swap 3 4 4"]))
    assert (tracks.read(4)[dividing_movie()[4] == 3] == 4).all()
    run(correct_tracks(stack, tracks, ["remove 1 0 5", "lock 1 2 3"]))
    assert tracks.frames_of(1) == [1, 2, 3, 4]
    assert {(2, 1), (3, 1)} <= tracks.locked
    run(correct_tracks(stack, tracks, ["remove 1"]))
    assert 1 not in tracks.tracks


def test_what_is_doubtful_afterwards_is_returned(stack, tracks):
    doubts = run(correct_tracks(stack, tracks, []))
    assert [d.reason for d in doubts] == ["divides"]
    doubts = run(correct_tracks(stack, tracks, ["lock 2 2", "remove 1 3"]))
    assert ("is hidden for a while", 3) in {(d.reason, d.frame) for d in doubts}


def test_a_prompt_finds_an_object_and_its_track(stack, tracks, predictor):
    truth = dividing_movie() == 1
    others = np.where(truth, 0, tracks.labels)
    steps = ["remove 1 2 3", "prompt ? 3 at 23 16"]
    run(correct_tracks(stack, tracks, steps, predictor))
    assert overlap(tracks.read(3) == 1, truth[3]) > 0.7
    assert (3, 1) in tracks.locked
    # What depends on it was computed again: it is found in the frame before, too.
    assert overlap(tracks.read(2) == 1, truth[2]) > 0.7
    after = [np.where(tracks.read(t) == 1, 0, tracks.read(t)) for t in range(N_FRAMES)]
    assert (np.stack(after) == others).all()


def test_a_box_gives_a_named_track_its_mask(stack, tracks, predictor):
    tracks.labels[2, 60:76, 52:64] = 0
    tracks.note_painting(2)
    run(correct_tracks(stack, tracks, ["prompt 2 2 box 59 39 76 64"], predictor))
    assert overlap(tracks.read(2) == 2, dividing_movie()[2] == 2) > 0.7
    assert tracks.parents == PARENTS


def test_recomputing_finds_what_was_lost(stack, tracks, predictor):
    steps = ["remove 1 2 3", "recompute 1 1"]
    run(correct_tracks(stack, tracks, steps, predictor))
    assert tracks.frames_of(1) == list(range(N_FRAMES))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("prompt ? 9 at 1 1", "There is no frame 9"),
        ("recompute 3 1", "not seen in frame 1"),
        ("lock 3 0", "not seen in frame 0"),
        ("cut 77 1", "no track 77"),
        ("prompt 2 5 at 68 44", "divides into 3"),
    ],
)
def test_what_does_not_fit_is_said(stack, tracks, predictor, step, words):
    with pytest.raises(InvalidCorrectionError, match=words):
        run(correct_tracks(stack, tracks, [step], predictor))


def test_a_wrong_movie_and_a_missing_model_are_said(stack, tracks):
    with pytest.raises(InvalidSettingsError, match="need a model"):
        run(correct_tracks(stack, tracks, ["recompute 1 1"]))
    with pytest.raises(InvalidImageError, match="give the movie"):
        run(correct_tracks(stack.select(T=slice(3)), tracks, []))
