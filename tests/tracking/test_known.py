"""What is known is never changed, whatever the masks and the answers are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.known import Known, known_tracks
from napari_segment_anything.tracking.linking import link_objects, measure_frames
from napari_segment_anything.tracking.propagation import track_masks
from napari_segment_anything.tracking.repair_settings import RepairSettings

from . import movies
from .test_propagation import full_masks, run


def linked(frames, known):
    return run(link_objects(measure_frames(frames), None, known))[1]


def test_a_known_link_is_made_although_another_is_cheaper():
    # Two objects stand still; it is known that they have changed places in frame 1.
    frames = [movies.disks((40, 40, 9), (40, 90, 9)) for _ in range(3)]
    known = Known(links=frozenset({((0, 0), (1, 1)), ((0, 1), (1, 0))}))
    lineage = linked(frames, known)
    assert lineage.track_of(0, 0) == lineage.track_of(1, 1) == lineage.track_of(2, 1)
    assert lineage.track_of(0, 1) == lineage.track_of(1, 0)


def test_a_forbidden_link_is_not_made():
    frames = [movies.disks((40, 40, 9)) for _ in range(3)]
    lineage = linked(frames, Known(apart=frozenset({((0, 0), (1, 0))})))
    assert lineage.track_of(0, 0) != lineage.track_of(1, 0)
    assert lineage.track_of(1, 0) == lineage.track_of(2, 0)


def test_known_ids_are_kept_and_not_mixed():
    frames = [movies.disks((40, 40, 9), (40, 90, 9)) for _ in range(3)]
    lineage = linked(frames, Known(ids={(0, 0): 70, (2, 0): 70, (0, 1): 5}))
    assert [lineage.track_of(t, 0) for t in range(3)] == [70, 70, 70]
    assert [lineage.track_of(t, 1) for t in range(3)] == [5, 5, 5]
    apart = linked(frames, Known(ids={(0, 0): 7, (1, 0): 8}))
    assert apart.track_of(0, 0) == 7
    assert apart.track_of(1, 0) == 8


def test_tracks_that_exist_are_taken_over_with_gaps_and_parents():
    frames = movies.division()
    ids = [np.array([4, 9]) if t < 4 else np.array([9, 5, 6]) for t in range(7)]
    ids[1] = np.array([0, 9])
    known = known_tracks(ids, {5: 4, 6: 4})
    lineage = linked(frames, known)
    assert lineage.by_id[4].frames == (0, 2, 3)
    assert lineage.by_id[9].frames == tuple(range(7))
    assert lineage.by_id[5].parent == lineage.by_id[6].parent == 4


def test_links_that_contradict_each_other_are_refused():
    with pytest.raises(InvalidSettingsError, match="same object"):
        Known(links=frozenset({((0, 0), (1, 0)), ((0, 1), (1, 0))}))
    with pytest.raises(InvalidSettingsError, match="forwards"):
        Known(links=frozenset({((1, 0), (0, 0))}))


@st.composite
def broken_movies(draw):
    """Two objects over five frames, some missed, merged or in pieces; some locked."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    truth = [
        movies.disks((40, 50 + 3 * t, 9), (40, 72 + 2 * t, 9), (75, 120, 8))
        for t in range(5)
    ]
    frames = []
    for frame in truth:
        full = [frame.full_mask(k) for k in range(3)]
        what = rng.integers(4)
        if what == 1:
            full.pop(rng.integers(3))
        elif what == 2:
            full = [full[0] | full[1], full[2]]
        elif what == 3:
            part = full[2].copy()
            part[:, 120:] = False
            full = [*full[:2], part, full[2] & ~part]
        frames.append(movies.from_full(full))
    nodes = [(t, k) for t, frame in enumerate(frames) for k in range(len(frame))]
    objects = frozenset(n for n in nodes if rng.random() < 0.4)
    whole = frozenset(int(t) for t in range(5) if rng.random() < 0.2)
    return truth, frames, Known(frames=whole, objects=objects)


@settings(max_examples=40, deadline=None)
@given(broken_movies(), st.booleans())
def test_locked_masks_are_never_changed_and_lineages_are_forests(movie, carry):
    truth, frames, known = movie
    steps = track_masks(
        frames,
        movies.TruthPredictor(truth),
        known=known,
        repair=RepairSettings(carry=carry),
    )
    _, result = run(steps)
    for t in known.frames:
        assert result.frames[t] is frames[t]
    for t, k in known.objects:
        assert frames[t].full_mask(k).tobytes() in full_masks(result.frames[t])
    # What is new lies on no locked mask.
    for t, k in result.repairs:
        new = result.frames[t].full_mask(k)
        for other_t, other_k in known.objects:
            if other_t == t:
                assert not (new & frames[t].full_mask(other_k)).any()
    for track in result.lineage.tracks:
        if track.parent:
            assert result.lineage.by_id[track.parent].end < track.start
    assert sum(len(t.frames) for t in result.lineage.tracks) == sum(
        len(frame) for frame in result.frames
    )
    assert {(t, result.origins[t][k]) for t, k in result.known.objects} == set(
        known.objects
    )
