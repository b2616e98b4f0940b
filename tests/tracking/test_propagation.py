import numpy as np
import pytest

from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.propagation import track_masks
from napari_segment_anything.tracking.repair_settings import RepairSettings

from . import movies


def run(steps):
    """Drive a generator; its reports and its result."""
    reports = []
    while True:
        try:
            reports.append(next(steps))
        except StopIteration as stop:
            return reports, stop.value


def full_masks(frame):
    return {frame.full_mask(k).tobytes() for k in range(len(frame))}


def test_without_predictor_masks_stay_as_they_are():
    frames = movies.one_frame_gap()
    reports, result = run(track_masks(frames))
    assert {stage for stage, _, _ in reports} == {"link"}
    assert reports[-1] == ("link", 7, 7)
    assert result.repaired == set()
    assert all(a is b for a, b in zip(result.frames, frames, strict=True))


def test_missed_object_is_filled():
    truth = [movies.disks((40, 50 + 2 * t, 9), (70, 120, 9)) for t in range(7)]
    predictor = movies.TruthPredictor(truth)
    reports, result = run(track_masks(movies.one_frame_gap(), predictor))
    assert ("repair", 1, 1) in reports
    assert result.repaired == {(3, 1)}
    assert full_masks(result.frames[3]) == full_masks(truth[3])
    assert result.lineage.n_tracks == 2
    assert not any(track.has_gap for track in result.lineage.tracks)


def test_track_that_ends_early_is_carried_on():
    truth = [movies.disks((40, 50 + t, 9), (70, 120, 9)) for t in range(6)]
    frames = [f.select([0, 1]) if t < 4 else f.select([1]) for t, f in enumerate(truth)]
    _, result = run(track_masks(frames, movies.TruthPredictor(truth)))
    assert result.lineage.n_tracks == 2
    assert {track.end for track in result.lineage.tracks} == {5}


def test_object_that_is_found_late_is_carried_back():
    truth = [movies.disks((40, 50 + t, 9), (70, 120, 9)) for t in range(6)]
    frames = [f.select([0, 1]) if t > 1 else f.select([1]) for t, f in enumerate(truth)]
    _, result = run(track_masks(frames, movies.TruthPredictor(truth)))
    assert {track.start for track in result.lineage.tracks} == {0}


def test_object_that_enters_is_not_carried_to_where_it_was_not():
    frames = movies.enters_late()
    _, result = run(track_masks(frames, movies.TruthPredictor(frames)))
    assert result.repaired == set()
    assert sorted(track.start for track in result.lineage.tracks) == [0, 3]


def test_merged_mask_is_split():
    truth = movies.apart()
    _, result = run(
        track_masks(movies.merged_then_split(), movies.TruthPredictor(truth))
    )
    assert full_masks(result.frames[3]) == full_masks(truth[3])
    assert sorted(len(track.frames) for track in result.lineage.tracks) == [7, 7]


def test_fragments_are_joined():
    truth = [movies.disks((48, 60 + t, 12), (20, 130, 9)) for t in range(7)]
    _, result = run(
        track_masks(movies.broken_for_a_moment(), movies.TruthPredictor(truth))
    )
    assert full_masks(result.frames[3]) == full_masks(truth[3])
    assert sorted(len(track.frames) for track in result.lineage.tracks) == [7, 7]


def test_nothing_is_asked_where_nothing_breaks():
    frames = movies.division()
    predictor = movies.TruthPredictor(frames)
    _, result = run(track_masks(frames, predictor))
    # Only whether the daughters are two already, in the frame where they are seen.
    assert predictor.asked == [4]
    assert [len(frame) for frame in result.frames] == [len(frame) for frame in frames]
    assert len(result.lineage.divisions) == 1


def test_locked_frames_are_never_changed():
    frames = movies.merged_then_split()
    predictor = movies.TruthPredictor(movies.apart())
    _, result = run(track_masks(frames, predictor, known=Known(frames=frozenset({3}))))
    assert 3 not in predictor.asked
    assert result.frames[3] is frames[3]


def test_unsure_answers_are_not_believed():
    predictor = movies.TruthPredictor(movies.apart(), confidence=0.25)
    steps = track_masks(
        movies.merged_then_split(), predictor, repair=RepairSettings(carry=False)
    )
    _, result = run(steps)
    assert predictor.asked
    assert result.repaired == set()


def test_repair_ends_even_if_everything_is_refused():
    frames = movies.one_frame_gap()
    predictor = movies.TruthPredictor(frames)
    _, result = run(
        track_masks(
            frames, predictor, repair=RepairSettings(max_rounds=50, carry=False)
        )
    )
    # The missed object is not in the predictor's truth, so it cannot be filled, and
    # the same question is asked once only.
    assert predictor.asked.count(3) == 1
    assert result.repaired == set()


def test_doubts_are_sorted_and_point_at_what_is_odd():
    _, result = run(track_masks(movies.broken_for_a_moment()))
    scores = [doubt.score for doubt in result.doubts]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert 3 in {doubt.frame for doubt in result.doubts}


def test_sure_tracks_raise_no_doubt():
    _, result = run(track_masks(movies.apart()))
    assert result.doubts == []


def test_closing_cancels():
    steps = track_masks(movies.apart())
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


@pytest.mark.parametrize("n_frames", [0, 1, 3])
def test_movies_without_objects(n_frames):
    empty = [movies.disks() for _ in range(n_frames)]
    _, result = run(track_masks(empty, movies.TruthPredictor(empty)))
    assert result.lineage.tracks == ()
    assert result.frames == empty
    assert np.all([len(f) == 0 for f in result.frames])
