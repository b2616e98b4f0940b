"""Tracks as files of other programs, and back."""

import numpy as np
import pandas as pd
import pytest

from dividing_movie import dividing_movie
from napari_segment_anything.batch.mask_scores import MaskScores
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track_export import (
    challenge,
    export_movies,
    export_tracks,
)
from napari_segment_anything.batch.track_graph import as_graph
from napari_segment_anything.batch.tracked_movies import TrackedMovies
from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.storage.ctc import read_ctc
from napari_segment_anything.storage.geff import read_geff
from napari_segment_anything.storage.label_store import LabelStore
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


def test_table_and_picture(tracks, tmp_path):
    images = (100 + 50 * tracks.labels).astype(np.uint16)
    job = export_tracks(
        tmp_path / "t.csv",
        "csv",
        tracks,
        read=lambda frame: images[frame],
        scale={"T": 2.0, "Y": 0.5, "X": 0.5},
        units={"T": "second", "Y": "micrometer", "X": "micrometer"},
        translate={"T": 100.0, "X": -4.0},
    )
    run(job)
    table = pd.read_csv(tmp_path / "t.csv")
    assert (table["mean_intensity"] == 100 + 50 * table["track_id"]).all()
    assert (table["area_um2"] == table["area"] / 4).all()
    assert (table["t_s"] == 100 + 2 * table["t"]).all()
    assert (table["x_um"] == table["x"] / 2 - 4).all()
    assert table["is_locked"].sum() == 1
    assert as_graph(table).n_nodes == len(table)
    run(export_tracks(tmp_path / "t.svg", "svg", tracks))
    picture = (tmp_path / "t.svg").read_text()
    assert picture.count("<line") == 4
    assert picture.count("<path") == 2


@pytest.fixture
def movies():
    """Two slices with the same movie; ids of the second one are ten more."""
    labels = dividing_movie()
    labels[2][labels[2] == 1] = 0
    tracks = {
        (0,): EditableTracks(labels, {3: 2, 4: 2}),
        (1,): EditableTracks(np.where(labels, labels + 10, 0), {13: 12, 14: 12}),
    }
    return TrackedMovies(
        tracks,
        index_axes="TZ",
        read=lambda position, frame: np.full((96, 96), 10 * position[0] + frame),
        scale={"T": 2.0, "Z": 3.0, "Y": 0.5, "X": 0.5},
        units={"T": "minute", **dict.fromkeys("ZYX", "micrometer")},
        translate={"T": 6.0},
    )


def test_each_slice_gets_a_folder_of_the_challenge(movies, tmp_path):
    run(export_movies(tmp_path / "x_RES", "ctc", movies))
    assert sorted(p.name for p in (tmp_path / "x_RES").iterdir()) == ["Z0", "Z1"]
    first, second = (read_ctc(tmp_path / "x_RES" / name) for name in ("Z0", "Z1"))
    assert ((first.labels > 0) == (dividing_movie() > 0))[3:].all()
    assert len(first.tracks) == len(second.tracks) == 5
    # The parts after a gap have ids that no track of any slice has.
    ids = [{row[0] for row in found.tracks} for found in (first, second)]
    assert not ids[0] & ids[1]


def test_table_graph_and_picture_hold_all_slices(movies, tmp_path):
    for kind in ("csv", "geff", "svg"):
        run(export_movies(tmp_path / f"x.{kind}", kind, movies))
    table = pd.read_csv(tmp_path / "x.csv")
    assert list(table.columns[:6]) == ["track_id", "z", "t", "y", "x", "area"]
    assert table.groupby("z").size().tolist() == [14, 14]
    assert (table["mean_intensity"] == 10 * table["z"] + table["t"]).all()
    assert (table["t_min"] == 2 * table["t"] + 6).all()
    assert (table["z_um"] == 3 * table["z"]).all()
    assert (table["area_um2"] == table["area"] / 4).all()
    graph = read_geff(tmp_path / "x.geff")
    assert graph.axes == ("t", "z", "y", "x")
    assert graph.n_nodes == 28
    z = graph.properties["z"]
    assert (z[graph.edges[:, 0]] == z[graph.edges[:, 1]]).all()
    assert (tmp_path / "x.svg").read_text().count("<line") == 8


def test_labels_of_all_slices_in_one_ome_zarr(movies, tmp_path):
    run(export_movies(tmp_path / "x.zarr", "zarr", movies))
    store = LabelStore.open(tmp_path / "x.zarr", mode="r")
    assert store.axes == "TZYX"
    for z in (0, 1):
        wanted = movies.movies[z,].labels
        assert np.array_equal(np.asarray(store.labels)[:, z], wanted)
    assert len(pd.read_csv(tmp_path / "x.csv")) == 28
    # It is never written over something: a layer may show it.
    with pytest.raises(StorageError, match="exists"):
        run(export_movies(tmp_path / "x.zarr", "zarr", movies))


def test_objects_followed_along_depth_have_a_depth(movies, tmp_path):
    along_z = TrackedMovies(
        {(0,): EditableTracks(dividing_movie(), {3: 2, 4: 2})},
        axis="Z",
        index_axes="TZ",
        scale={"Z": 3.0},
        units={"Z": "micrometer"},
    )
    run(export_movies(tmp_path / "x.csv", "csv", along_z))
    table = pd.read_csv(tmp_path / "x.csv")
    assert list(table.columns[:3]) == ["track_id", "t", "z"]
    assert (table["z_um"] == 3 * table["z"]).all()
    run(export_movies(tmp_path / "x.zarr", "zarr", along_z))
    store = LabelStore.open(tmp_path / "x.zarr", mode="r")
    assert np.array_equal(np.asarray(store.labels)[0], dividing_movie())


def test_scores_stand_in_table_and_graph(tracks, tmp_path):
    run(export_tracks(tmp_path / "plain.csv", "csv", tracks))
    known = pd.read_csv(tmp_path / "plain.csv")
    known = known.assign(
        predicted_iou=0.9,
        stability_score=0.8,
        is_repaired=known["t"] == 1,
        repair=np.where(known["t"] == 1, "filled", ""),
        confidence=np.where(known["t"] == 1, 0.3, 0.9),
    )
    # A track has another id since, and one object was drawn anew.
    tracks.apply(tracks.cut(2, 1))
    labels = tracks.labels
    labels[0, 80:96] = np.where(labels[0, 80:96] == 0, 7, labels[0, 80:96])
    tracks.note_painting(0)
    movies = TrackedMovies({(): tracks}, scores=MaskScores(known))
    for kind in ("csv", "geff"):
        run(export_movies(tmp_path / f"x.{kind}", kind, movies))
    table = pd.read_csv(tmp_path / "x.csv")
    drawn = table["track_id"] == 7
    assert drawn.sum() == 1
    assert table["confidence"][drawn].isna().all()
    filled = table["repair"] == "filled"
    assert (filled == (table["t"] == 1)).all()
    assert np.allclose(table["confidence"][filled], 0.3)
    assert "confidence" in read_geff(tmp_path / "x.geff").properties


def test_a_table_without_objects_has_its_columns(tmp_path):
    nothing = EditableTracks(np.zeros((3, 9, 9), np.int32))
    for kind in ("csv", "geff", "svg", "ctc", "zarr"):
        run(export_tracks(tmp_path / f"x.{kind}", kind, nothing))
    assert list(pd.read_csv(tmp_path / "x.csv").columns)[:2] == ["track_id", "t"]
    assert read_geff(tmp_path / "x.geff").n_nodes == 0


@pytest.mark.parametrize("kind", ["ctc", "geff"])
def test_an_earlier_result_is_replaced_as_a_whole(movies, tracks, tmp_path, kind):
    place = tmp_path / "result"
    run(export_movies(place, kind, movies))
    # One that is given up on the way leaves the earlier one.
    before = sorted(place.rglob("*"))
    job = export_tracks(place, kind, tracks)
    next(job)
    next(job)
    job.close()
    assert sorted(place.rglob("*")) == before
    assert list(tmp_path.iterdir()) == [place]
    run(export_tracks(place, kind, tracks))
    assert list(tmp_path.iterdir()) == [place]
    if kind == "ctc":
        # No folders of slices lie among the new frames.
        assert not [path for path in place.iterdir() if path.is_dir()]
        assert len(read_ctc(place).labels) == tracks.n_frames


def test_a_folder_with_other_files_is_not_replaced(tracks, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="notes"):
        run(export_tracks(tmp_path, "ctc", tracks))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_labels_are_not_written_beside_the_table_of_others(tracks, tmp_path):
    (tmp_path / "exp.csv").write_text("well,drug")
    with pytest.raises(StorageError, match="no table of tracks"):
        run(export_tracks(tmp_path / "exp.zarr", "zarr", tracks))
    assert (tmp_path / "exp.csv").read_text() == "well,drug"
    assert not (tmp_path / "exp.zarr").exists()
