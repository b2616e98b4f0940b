"""Tracks that exist are read from what this and other programs write."""

import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile

from dividing_movie import dividing_movie, stack_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track_export import export_tracks
from napari_segment_anything.batch.track_import import (
    load_tracks,
    locked_of,
    relabelled,
)
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.tracking.correction import EditableTracks

PARENTS = {3: 2, 4: 2}


@pytest.fixture
def tracks():
    return EditableTracks(dividing_movie(), dict(PARENTS))


def test_a_challenge_folder(tracks, tmp_path):
    run(export_tracks(tmp_path / "01_RES", "ctc", tracks))
    found = load_tracks(tmp_path / "01_RES")
    assert np.array_equal(found.labels, tracks.labels)
    assert found.parents == PARENTS


def test_label_images_with_a_table_a_graph_or_nothing(tracks, tmp_path):
    tracks.locked = frozenset({(1, 2), (5, 4)})
    labels = tmp_path / "labels.tif"
    tifffile.imwrite(labels, tracks.labels.astype(np.uint16))
    assert load_tracks(labels).parents == {}
    for kind, name in (("csv", "t.csv"), ("geff", "t.geff")):
        run(export_tracks(tmp_path / name, kind, tracks))
        found = load_tracks(labels, tmp_path / name)
        assert np.array_equal(found.labels, tracks.labels)
        assert found.parents == PARENTS
        assert found.locked == {(1, 2), (5, 4)}


def test_what_is_no_movie_of_labels_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "f.tif", np.zeros((3, 9, 9), np.float32))
    with pytest.raises(UnreadableInputError, match="label images of one movie"):
        load_tracks(tmp_path / "f.tif")
    tifffile.imwrite(tmp_path / "l.tif", np.zeros((3, 9, 9), np.uint16))
    pd.DataFrame({"id": [1]}).to_csv(tmp_path / "t.csv")
    with pytest.raises(UnreadableInputError, match="track_id and parent_id"):
        load_tracks(tmp_path / "l.tif", tmp_path / "t.csv")


def test_labels_without_a_track_become_background():
    plane = np.array([[0, 2, 2], [5, 5, 0]])
    ids = {(1, 2): 7, (0, 5): 9}
    assert relabelled(plane, 1, ids).tolist() == [[0, 7, 7], [0, 0, 0]]
    assert stack_of(dividing_movie()).n_planes == 6


def test_locks_are_those_of_the_movie_that_is_asked_for():
    table = pd.DataFrame(
        {
            "track_id": [1, 1, 2, 2],
            "parent_id": [0, 0, 0, 0],
            "z": [0, 0, 1, 1],
            "t": [0, 1, 0, 1],
            "is_locked": [True, False, False, True],
        }
    )
    assert locked_of(table, "T", {"Z": 0}) == {(0, 1)}
    assert locked_of(table, "T", {"Z": 1}) == {(1, 2)}
    # A table that does not say it, of another program or another axis.
    assert locked_of(table, "T", {"P": 0}) == frozenset()
    assert locked_of(table.drop(columns="is_locked"), "T") == frozenset()


def test_an_ome_zarr_is_read_as_its_labels_and_not_as_its_image(tracks, tmp_path):
    path = tmp_path / "cells.zarr"
    store = LabelStore.create(
        path, axes="TYX", shape=tracks.labels.shape, image_dtype="uint16"
    )
    for frame, plane in enumerate(tracks.labels):
        store.write_image_plane((frame,), np.full(plane.shape, 500, np.uint16))
        store.write_plane((frame,), plane)
    assert np.array_equal(load_tracks(path).labels, tracks.labels)
    shutil.copytree(path / "labels" / "masks", path / "labels" / "others")
    with pytest.raises(UnreadableInputError, match="labels/masks"):
        load_tracks(path)
    found = load_tracks(path / "labels" / "others")
    assert np.array_equal(found.labels, tracks.labels)


def test_what_is_locked_in_a_challenge_folder_is_in_the_table(tracks, tmp_path):
    tracks.locked = frozenset({(1, 2)})
    run(export_tracks(tmp_path / "01_RES", "ctc", tracks))
    run(export_tracks(tmp_path / "t.csv", "csv", tracks))
    found = load_tracks(tmp_path / "01_RES", tmp_path / "t.csv")
    assert found.parents == PARENTS
    assert found.locked == {(1, 2)}
    with pytest.raises(UnreadableInputError, match=r"missing\.csv is no table"):
        load_tracks(tmp_path / "01_RES", tmp_path / "missing.csv")
