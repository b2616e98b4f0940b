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
    found = tracks_of_graph(graph)
    assert found.ids == {
        (t, track): track for track in tracks.tracks for t in tracks.frames_of(track)
    }
    assert found.parents == {3: 2, 4: 2}
    assert found.locked == {(0, 1)}


def test_a_single_daughter_keeps_her_id(tmp_path):
    tracks = EditableTracks(dividing_movie(), {4: 2})
    run(export_tracks(tmp_path / "t.geff", "geff", tracks))
    found = tracks_of_graph(read_geff(tmp_path / "t.geff"))
    assert found.parents == {4: 2}
    assert set(found.ids.values()) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    "names",
    [
        [5, 6, 5, 6],  # Each link leads to another track, which has started before.
        [5, 5, 5, 0],  # Not all have an id.
        [5, 5, 7, 5],  # A track goes on after it has a daughter.
    ],
)
def test_ids_that_contradict_the_links_are_not_taken(names):
    frames = np.arange(4)
    properties = {"t": frames, "seg_id": frames + 1, "track_id": np.array(names)}
    chain = GeffGraph(properties, np.array([[0, 1], [1, 2], [2, 3]]), ("t",))
    found = tracks_of_graph(chain)
    assert set(found.ids.values()) == {1}
    assert found.parents == {}


def test_graphs_that_cannot_be_tracks_are_refused(tmp_path):
    numbers = {"t": np.array([0, 0, 1]), "seg_id": np.array([1, 2, 1])}
    merging = GeffGraph(numbers, np.array([[0, 2], [1, 2]]), ("t",))
    write_geff(tmp_path / "m.geff", merging)
    with pytest.raises(UnreadableInputError, match="two predecessors"):
        tracks_of_graph(read_geff(tmp_path / "m.geff"))
    del numbers["seg_id"]
    with pytest.raises(UnreadableInputError, match="seg_id"):
        tracks_of_graph(GeffGraph(numbers, np.zeros((0, 2), int), ("t",)))
