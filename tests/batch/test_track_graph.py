"""Tracks as a graph of objects and links, and back."""

import numpy as np
import pytest

from dividing_movie import dividing_movie
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track_export import export_tracks
from napari_segment_anything.batch.track_graph import tracks_of_graph
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.storage.geff import GeffGraph, read_geff, write_geff
from napari_segment_anything.tracking.correction import EditableTracks


@pytest.fixture
def tracks():
    """Track 1 is hidden in frame 2; track 2 divides into 3 and 4 after it."""
    labels = dividing_movie()
    labels[2][labels[2] == 1] = 0
    return EditableTracks(labels, {3: 2, 4: 2}, frozenset({(0, 1)}))


def test_geff_there_and_back(tracks, tmp_path):
    path = tmp_path / "tracks.geff"
    run(export_tracks(path, "geff", tracks))
    graph = read_geff(path)
    assert graph.axes == ("t", "y", "x")
    # 5 objects of track 1, 3 of track 2, 3 of each daughter; links across the gap too.
    assert graph.n_nodes == 14
    assert len(graph.edges) == 4 + 2 + 2 + 2 + 2
    frames = graph.properties["t"]
    assert (frames[graph.edges[:, 0]] < frames[graph.edges[:, 1]]).all()
    ids, parents = tracks_of_graph(graph)
    relabelled = {}
    for (frame, segment), track in ids.items():
        relabelled.setdefault(track, set()).add((frame, segment))
    expected = {
        track: {(t, track) for t in tracks.frames_of(track)} for track in tracks.tracks
    }
    assert sorted(map(sorted, relabelled.values())) == sorted(
        map(sorted, expected.values())
    )
    assert len(parents) == 2
    assert len(set(parents.values())) == 1


def test_graphs_that_cannot_be_tracks_are_refused(tmp_path):
    numbers = {"t": np.array([0, 0, 1]), "seg_id": np.array([1, 2, 1])}
    merging = GeffGraph(numbers, np.array([[0, 2], [1, 2]]), ("t",))
    write_geff(tmp_path / "m.geff", merging)
    with pytest.raises(UnreadableInputError, match="two predecessors"):
        tracks_of_graph(read_geff(tmp_path / "m.geff"))
    del numbers["seg_id"]
    with pytest.raises(UnreadableInputError, match="seg_id"):
        tracks_of_graph(GeffGraph(numbers, np.zeros((0, 2), int), ("t",)))
