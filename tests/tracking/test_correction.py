"""Corrections of tracks that are label images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.tracking.paint import paint_tracks
from napari_segment_anything.tracking.recompute import recompute
from napari_segment_anything.tracking.review import Doubt

from . import movies
from .test_propagation import run


def painted(frames, ids):
    return np.stack(
        [paint_tracks(frame, ids[t]) for t, frame in enumerate(frames)]
    ).astype(np.int32)


@pytest.fixture
def tracks():
    """Track 1 divides into 3 and 4 in frame 4; track 2 stays."""
    ids = [[1, 2] if t < 4 else [2, 3, 4] for t in range(7)]
    return EditableTracks(painted(movies.division(), ids), {3: 1, 4: 1})


def test_cut_gives_the_rest_a_new_id_and_the_children(tracks):
    tracks.apply(tracks.cut(1, 2))
    assert tracks.frames_of(1) == [0, 1]
    assert tracks.frames_of(5) == [2, 3]
    assert tracks.parents == {3: 5, 4: 5}
    assert tracks.locked == {(1, 1), (2, 5)}


def test_join_makes_one_of_two(tracks):
    tracks.apply(tracks.join(1, 3))
    assert tracks.frames_of(1) == list(range(7))
    assert tracks.parents == {}
    assert tracks.tracks == [1, 2, 4]


def test_divide_and_set_apart(tracks):
    tracks.apply(tracks.set_apart(4))
    assert tracks.children(1) == [3]
    tracks.apply(tracks.divide(1, [4]))
    assert tracks.children(1) == [3, 4]


def test_swap_from_a_frame_on(tracks):
    before = tracks.labels.copy()
    tracks.apply(tracks.swap(2, 3, 4))
    assert (tracks.labels[:4] == before[:4]).all()
    assert ((tracks.labels[4:] == 2) == (before[4:] == 3)).all()
    assert tracks.frames_of(2) == list(range(7))
    # Track 3 is now the one that stays; it has no parent that ends before it.
    assert ((tracks.labels[4:] == 3) == (before[4:] == 2)).all()


def test_remove_from_one_frame_or_all(tracks):
    tracks.apply(tracks.remove(2, [3]))
    assert tracks.frames_of(2) == [0, 1, 2, 4, 5, 6]
    tracks.apply(tracks.remove(1))
    assert tracks.tracks == [2, 3, 4]
    assert tracks.parents == {}


def test_what_does_not_fit_is_refused_with_a_reason(tracks):
    for wrong, reason in (
        (lambda: tracks.cut(1, 0), "later frame"),
        (lambda: tracks.join(2, 3), "Cut one of them"),
        (lambda: tracks.divide(2, [3]), "Cut track 2"),
        (lambda: tracks.cut(99, 1), "no track 99"),
        (lambda: tracks.swap(2, 2, 1), "two different"),
        (lambda: tracks.remove(1, [99]), "not seen in frame 99"),
        (lambda: tracks.remove(3, [0]), "not seen in frame 0"),
    ):
        with pytest.raises(InvalidCorrectionError, match=reason):
            wrong()


def step(tracks, kind, one, other, frame):
    """Make one of six corrections."""
    first = tracks.frames_of(one)[0]
    return (
        lambda: tracks.cut(one, frame),
        lambda: tracks.join(one, other),
        lambda: tracks.divide(one, [other]),
        lambda: tracks.swap(one, other, frame),
        lambda: tracks.remove(one, [first]),
        lambda: tracks.lock([(first, one)]),
    )[kind]()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.randoms()), max_size=8))
def test_every_step_can_be_taken_back_and_parents_precede_children(steps):
    ids = [[1, 2] if t < 4 else [2, 3, 4] for t in range(7)]
    tracks = EditableTracks(painted(movies.division(), ids), {3: 1, 4: 1})
    states, undos = [], []
    for kind, random in steps:
        one, other = random.choice(tracks.tracks), random.choice(tracks.tracks)
        frame = random.randrange(7)
        try:
            correction = step(tracks, kind, one, other, frame)
        except InvalidCorrectionError:
            continue
        states.append((tracks.labels.copy(), dict(tracks.parents), tracks.locked))
        undos.append(tracks.apply(correction))
        for child, parent in tracks.parents.items():
            assert tracks.frames_of(parent)[-1] < tracks.frames_of(child)[0]
        seen = {i: [] for i in tracks.tracks}
        for t in range(7):
            for i in np.unique(tracks.labels[t]).tolist():
                if i:
                    seen[i].append(t)
        assert all(tracks.frames_of(i) == frames for i, frames in seen.items())
        assert all(
            tracks.labels[t][tracks.labels[t] == i].size for t, i in tracks.locked
        )
        if not tracks.tracks:
            break
    for (labels, parents, locked), undo in reversed(
        list(zip(states, undos, strict=True))
    ):
        tracks.apply(undo)
        assert (tracks.labels == labels).all()
        assert tracks.parents == parents
        assert tracks.locked == locked


def test_correction_fills_what_depended_on_it_and_touches_nothing_else():
    truth = [movies.disks((40, 40 + 2 * t, 9), (75, 120, 8)) for t in range(20)]
    ids = [[1, 2]] * 20
    labels = painted(truth, ids)
    # Track 1 was lost after frame 9; in frame 11 some ground was taken for it.
    for t in (10, 11, 12):
        labels[t][labels[t] == 1] = 0
    labels[13:][labels[13:] == 1] = 7
    labels[11, 60:66, 100:106] = 1
    tracks = EditableTracks(labels)
    # A person paints the object in frame 11 where it is.
    right = labels[11].copy()
    right[right == 1] = 0
    right[truth[11].full_mask(0)] = 1
    tracks.apply(tracks.replace({11: right}, locked={(11, 1)}))
    before = labels.copy()
    _, done = run(recompute(tracks, (11, 1), movies.TruthPredictor(truth)))
    undo = tracks.apply(done.correction)
    assert (labels[11] == right).all()
    for t in (10, 12):
        assert ((labels[t] == 1) == truth[t].full_mask(0)).all()
    assert ((labels == 2) == (before == 2)).all()
    outside = [t for t in range(20) if t not in done.frames]
    assert (labels[outside] == before[outside]).all()
    assert all(d.frame in done.frames for d in done.doubts)
    tracks.apply(undo)
    assert (labels == before).all()


def test_who_was_set_apart_gets_no_parent_by_a_computation(tracks):
    truth = movies.division()
    undo = tracks.apply(tracks.set_apart(4))
    assert tracks.apart == {4}
    _, done = run(recompute(tracks, (4, 4), movies.TruthPredictor(truth)))
    tracks.apply(done.correction)
    assert 4 not in tracks.parents
    assert tracks.apart == {4}
    assert not any("divides" in doubt.reason for doubt in done.doubts)
    tracks.apply(undo)
    assert tracks.parents[4] == 1
    assert tracks.apart == frozenset()
    # Nobody has said so: the computation finds the parent.
    del tracks.parents[4]
    _, done = run(recompute(tracks, (4, 4), movies.TruthPredictor(truth)))
    assert done.correction.parents == {3: 1, 4: 1}


def test_who_is_set_apart_stays_so_under_another_id(tracks):
    tracks.apply(tracks.set_apart(4))
    tracks.apply(tracks.swap(4, 3, 4))
    assert tracks.apart == {3}
    tracks.apply(tracks.divide(1, [3]))
    assert tracks.apart == frozenset()


def test_correction_near_a_division_keeps_the_family():
    ids = [[1, 2] if t < 4 else [2, 3, 4] for t in range(7)]
    labels = painted(movies.division(), ids)
    tracks = EditableTracks(labels, {3: 1, 4: 1})
    before = labels.copy()
    _, done = run(recompute(tracks, (4, 3), movies.TruthPredictor(movies.division())))
    tracks.apply(done.correction)
    assert (labels[:4] == before[:4]).all()
    assert len(tracks.children(1)) == 2


def test_doubts_of_what_did_not_change_stay():
    ids = [[1, 2] if t < 4 else [2, 3, 4] for t in range(7)]
    labels = painted(movies.division(), ids)
    far = Doubt(4, 2, "was filled by the model", 0.5)
    near = Doubt(4, 3, "changes its area suddenly", 0.6)
    late = Doubt(6, 3, "was redrawn by the model", 0.4)
    right = Doubt(2, 1, "was joined by the model", 0.3)
    labels[4][labels[4] == 3] = 0
    tracks = EditableTracks(labels, {3: 1, 4: 1}, frozenset({(2, 1)}))
    truth = movies.TruthPredictor(movies.division())
    _, done = run(recompute(tracks, (5, 3), truth))
    assert (4, 3) in done.touched
    assert (4, 2) not in done.touched
    renewed = done.renewed([near, far, late, right], tracks.locked)
    assert far in renewed
    assert late in renewed
    assert near not in renewed
    assert right not in renewed
    assert [d.score for d in renewed] == sorted(
        (d.score for d in renewed), reverse=True
    )


def test_a_division_of_which_one_daughter_is_near_keeps_both():
    beside = (48, 97, 7)
    before = [movies.disks((48, 60, 10), beside) for _ in range(4)]
    after = [
        movies.disks((48, 46 - t, 7), (48, 74 + t, 7), beside) for t in range(1, 5)
    ]
    planes = [paint_tracks(masks, [1, 2]) for masks in before]
    planes += [paint_tracks(masks, [3, 4, 2]) for masks in after]
    # The mother is locked where she is seen last, as when a doubt was accepted.
    tracks = EditableTracks(np.stack(planes), {3: 1, 4: 1}, frozenset({(3, 1)}))
    truth = movies.TruthPredictor([*before, *after])
    _, done = run(recompute(tracks, (4, 2), truth))
    tracks.apply(done.correction)
    assert tracks.parents == {3: 1, 4: 1}
    assert (np.stack(planes) == tracks.labels).all()


def test_frames_that_nobody_has_followed_stay_as_they_are():
    ids = [[1, 2] if t < 4 else [2, 3, 4] for t in range(7)]
    whole = painted(movies.division(), ids)
    truth = movies.TruthPredictor(movies.division())
    followed, beyond = range(2, 5), [0, 1, 5, 6]

    def part():
        labels = whole.copy()
        labels[beyond] = 0
        return EditableTracks(labels, {3: 1, 4: 1})

    _, done = run(recompute(part(), (3, 1), truth))
    assert {change.frame for change in done.correction.changes} & set(beyond)
    tracks = part()
    # What is missed within the part is found all the same.
    tracks.labels[4][tracks.labels[4] == 2] = 0
    tracks.note_painting(4)
    _, done = run(recompute(tracks, (3, 2), truth, followed=followed))
    assert done.frames == followed
    tracks.apply(done.correction)
    assert (tracks.labels == part().labels).all()
    assert tracks.parents == {3: 1, 4: 1}
    # Somebody has drawn an object in a frame beyond.
    tracks.labels[6] = np.where(whole[6] == 2, 2, 0)
    tracks.note_painting(6)
    _, done = run(recompute(tracks, (6, 2), truth, followed=followed))
    assert not done.correction.changes


def test_nothing_is_repaired_far_from_the_corrected_object():
    truth = [movies.disks((20, 20, 7), (70, 130, 9)) for _ in range(7)]
    labels = painted(truth, [[1, 2]] * 7)
    # The far object is missed for a moment, and ends before the movie does.
    labels[2][labels[2] == 2] = 0
    labels[5:][labels[5:] == 2] = 0
    # The near one is, too.
    labels[4][labels[4] == 1] = 0
    tracks = EditableTracks(labels)
    before = labels.copy()
    _, done = run(recompute(tracks, (3, 1), movies.TruthPredictor(truth)))
    tracks.apply(done.correction)
    assert ((labels == 2) == (before == 2)).all()
    assert tracks.tracks == [1, 2]
    assert ((labels[4] == 1) == truth[4].full_mask(0)).all()
    # Around the far one it is the other way round.
    _, done = run(recompute(tracks, (3, 2), movies.TruthPredictor(truth)))
    tracks.apply(done.correction)
    assert tracks.frames_of(2) == list(range(7))
