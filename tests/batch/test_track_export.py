"""Tracks as files of other programs, and back."""

import numpy as np
import pandas as pd
import pytest

from dividing_movie import dividing_movie
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track_export import challenge, export_tracks
from napari_segment_anything.batch.track_graph import as_graph, tracks_of_graph
from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.storage.ctc import read_ctc
from napari_segment_anything.storage.geff import GeffGraph, read_geff, write_geff
from napari_segment_anything.tracking.correction import EditableTracks


@pytest.fixture
def tracks():
    """Track 1 is hidden in frame 2; track 2 divides into 3 and 4 after it."""
    labels = dividing_movie()
    labels[2][labels[2] == 1] = 0
    return EditableTracks(labels, {3: 2, 4: 2}, frozenset({(0, 1)}))


def test_challenge_knows_no_gaps(tracks, tmp_path):
    before = tracks.labels.copy()
    planes, rows = challenge(tracks)
    planes = list(planes)
    assert rows == [
        (1, 0, 1, 0),
        (2, 0, 2, 0),
        (3, 3, 5, 2),
        (4, 3, 5, 2),
        (5, 3, 5, 1),
    ]
    assert [5 in plane for plane in planes] == [False] * 3 + [True] * 3
    assert (tracks.labels == before).all()
    run(export_tracks(tmp_path / "01_RES", "ctc", tracks))
    found = read_ctc(tmp_path / "01_RES")
    assert found.tracks == rows
    assert (found.labels == np.stack(planes)).all()


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


def test_geff_has_the_published_layout(tracks, tmp_path):
    """Names as in the specification; the package geff itself reads the file."""
    import zarr

    path = tmp_path / "tracks.geff"
    run(export_tracks(path, "geff", tracks))
    root = zarr.open_group(path, mode="r")
    metadata = root.attrs["geff"]
    assert metadata["directed"] is True
    assert [axis["type"] for axis in metadata["axes"]] == ["time", "space", "space"]
    assert metadata["track_node_props"] == {"tracklet": "track_id"}
    assert root["nodes/ids"].dtype == root["edges/ids"].dtype == np.uint64
    assert set(metadata["node_props_metadata"]) == set(root["nodes/props"].group_keys())


def test_geff_is_not_written_over_something_else(tracks, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("x")
    with pytest.raises(StorageError, match="exists already"):
        run(export_tracks(tmp_path / "mine", "geff", tracks))
    assert (tmp_path / "mine" / "file").read_text() == "x"
    with pytest.raises(UnreadableInputError, match="no GEFF"):
        read_geff(tmp_path / "mine")


def test_graphs_that_cannot_be_tracks_are_refused(tmp_path):
    numbers = {"t": np.array([0, 0, 1]), "seg_id": np.array([1, 2, 1])}
    merging = GeffGraph(numbers, np.array([[0, 2], [1, 2]]), ("t",))
    write_geff(tmp_path / "m.geff", merging)
    with pytest.raises(UnreadableInputError, match="two predecessors"):
        tracks_of_graph(read_geff(tmp_path / "m.geff"))
    del numbers["seg_id"]
    with pytest.raises(UnreadableInputError, match="seg_id"):
        tracks_of_graph(GeffGraph(numbers, np.zeros((0, 2), int), ("t",)))


def test_table_and_picture(tracks, tmp_path):
    images = (100 + 50 * tracks.labels).astype(np.uint16)
    job = export_tracks(
        tmp_path / "t.csv",
        "csv",
        tracks,
        read=lambda frame: images[frame],
        scale={"T": 2.0, "Y": 0.5, "X": 0.5},
        units={"T": "second", "Y": "micrometer", "X": "micrometer"},
    )
    run(job)
    table = pd.read_csv(tmp_path / "t.csv")
    assert (table["mean_intensity"] == 100 + 50 * table["track_id"]).all()
    assert (table["area_um2"] == table["area"] / 4).all()
    assert table["is_locked"].sum() == 1
    assert as_graph(table).n_nodes == len(table)
    run(export_tracks(tmp_path / "t.svg", "svg", tracks))
    picture = (tmp_path / "t.svg").read_text()
    assert picture.count("<line") == 4
    assert picture.count("<path") == 2
