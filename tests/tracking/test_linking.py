import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.linking import LinkingSettings, link

from . import movies


def nodes_of(lineage):
    return {track.nodes for track in lineage.tracks}


def test_division():
    lineage = link(movies.division())
    assert lineage.n_tracks == 4
    ((parent, children),) = lineage.divisions
    assert lineage.by_id[parent].nodes == ((0, 0), (1, 0), (2, 0), (3, 0))
    assert {lineage.by_id[c].nodes for c in children} == {
        ((4, 1), (5, 1), (6, 1)),
        ((4, 2), (5, 2), (6, 2)),
    }


def test_objects_that_do_not_divide():
    lineage = link(movies.division(), LinkingSettings(division=False))
    assert lineage.divisions == ()


def test_one_frame_gap():
    lineage = link(movies.one_frame_gap())
    assert nodes_of(lineage) == {
        ((0, 0), (1, 0), (2, 0), (4, 0), (5, 0), (6, 0)),
        ((0, 1), (1, 1), (2, 1), (3, 0), (4, 1), (5, 1), (6, 1)),
    }


def test_gaps_may_be_forbidden():
    lineage = link(movies.one_frame_gap(), LinkingSettings(gap_frames=0))
    assert lineage.n_tracks == 3
    assert not any(track.has_gap for track in lineage.tracks)


def test_merged_then_split_is_no_division():
    lineage = link(movies.merged_then_split())
    assert lineage.divisions == ()
    # Left stays left and right stays right; which of them gets the merged mask is open.
    tracks = {track.detections[0]: set(track.nodes) for track in lineage.tracks}
    assert lineage.n_tracks == 2
    for side in (0, 1):
        assert {(t, side) for t in (0, 1, 2, 4, 5, 6)} <= tracks[side]


def test_broken_for_a_moment_is_no_division():
    lineage = link(movies.broken_for_a_moment())
    assert lineage.divisions == ()
    lengths = sorted(len(track.frames) for track in lineage.tracks)
    assert lengths == [1, 7, 7]


def test_crossing():
    lineage = link(movies.crossing())
    assert nodes_of(lineage) == {tuple((t, k) for t in range(6)) for k in range(4)}


def test_enters_late():
    lineage = link(movies.enters_late())
    assert nodes_of(lineage) == {
        tuple((t, 0) for t in range(7)),
        tuple((t, 1) for t in range(3, 7)),
    }
    assert all(track.parent == 0 for track in lineage.tracks)


def test_moved_stage():
    still = [(y, x, 6) for y in (20, 45, 70) for x in (30, 50, 75, 95)]
    moved = [(y + 5, x + 25, 6) for y, x, _ in still]
    lineage = link([movies.disks(*still), movies.disks(*moved)])
    assert nodes_of(lineage) == {((0, k), (1, k)) for k in range(len(still))}


def test_embeddings_tell_two_readings_apart():
    # By distance, the second frame's objects could be either.
    frames = [
        movies.disks((40, 60, 8), (60, 60, 8)),
        movies.disks((50, 50, 8), (50, 70, 8)),
    ]
    first = np.array([[1.0, 0.0], [0.0, 1.0]])
    straight = link(frames, LinkingSettings(), features=[first, first])
    crossed = link(frames, LinkingSettings(), features=[first, first[::-1]])
    assert nodes_of(straight) == {((0, 0), (1, 0)), ((0, 1), (1, 1))}
    assert nodes_of(crossed) == {((0, 0), (1, 1)), ((0, 1), (1, 0))}


def test_features_must_fit_the_frames():
    with pytest.raises(InvalidSettingsError, match="2 frames"):
        link(movies.apart()[:2], features=[np.ones((2, 3))])


@pytest.mark.parametrize("n_frames", [0, 1, 4])
def test_movies_without_objects(n_frames):
    lineage = link([MaskSet.empty((8, 8))] * n_frames)
    assert lineage.tracks == ()


boxes = st.tuples(
    st.integers(0, 30), st.integers(0, 30), st.integers(1, 10), st.integers(1, 10)
)
frames_of_boxes = st.lists(st.lists(boxes, max_size=7), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(frames_of_boxes)
def test_lineage_is_always_a_forest_in_time_order(frames):
    sets = [
        MaskSet.from_masks(
            (40, 40),
            [(y, x, y + h, x + w) for y, x, h, w in frame],
            [np.ones((h, w), bool) for _, _, h, w in frame],
        )
        for frame in frames
    ]
    lineage = link(sets)
    nodes = [node for track in lineage.tracks for node in track.nodes]
    every = {(t, k) for t, frame in enumerate(frames) for k in range(len(frame))}
    assert len(nodes) == len(set(nodes))
    assert set(nodes) == every
    end_of = {track.id: track.end for track in lineage.tracks}
    for track in lineage.tracks:
        assert list(track.frames) == sorted(set(track.frames))
        # Each parent is older than its child, so no walk upwards can come round.
        assert track.parent == 0 or end_of[track.parent] < track.start


@pytest.mark.parametrize("name", ["ctc_fluo_sim", "ctc_dic_hela"])
def test_true_masks_are_linked_truly(shared_data, name):
    folder = shared_data / name / "01_GT" / "TRA"
    if not folder.is_dir():
        pytest.skip(f"no sequence at {folder}")
    labels = [tifffile.imread(p) for p in sorted(folder.glob("man_track*.tif"))]
    rng = np.random.default_rng(0)
    ids, sets = [], []
    for frame in labels:
        present = np.unique(frame)[1:]
        # In random order, so that the order of ids cannot help.
        order = rng.permutation(len(present))
        ids.append(present[order].tolist())
        sets.append(MaskSet.from_labels(frame).select(order))
    rows = [
        tuple(int(v) for v in line.split())
        for line in (folder / "man_track.txt").read_text().splitlines()
    ]
    true_links = {
        ((t, i), (t + 1, i)) for i, begin, end, _ in rows for t in range(begin, end)
    }
    end_of = {i: end for i, _, end, _ in rows}
    true_links |= {
        ((end_of[parent], parent), (begin, i)) for i, begin, _, parent in rows if parent
    }
    found = {
        ((t, ids[t][a]), (later, ids[later][b]))
        for (t, a), (later, b) in link(sets).links()
    }
    assert len(found & true_links) >= 0.99 * len(true_links)
    assert len(found - true_links) <= 0.01 * len(true_links)
