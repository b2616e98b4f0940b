"""Tracks that exist are read from what this and other programs write."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from dividing_movie import dividing_movie, stack_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.track_export import export_tracks
from napari_segment_anything.batch.track_import import load_tracks, relabelled
from napari_segment_anything.errors import UnreadableInputError
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
    labels = tmp_path / "labels.tif"
    tifffile.imwrite(labels, tracks.labels.astype(np.uint16))
    assert load_tracks(labels).parents == {}
    for kind, name in (("csv", "t.csv"), ("geff", "t.geff")):
        run(export_tracks(tmp_path / name, kind, tracks))
        found = load_tracks(labels, tmp_path / name)
        seen = [found.read(t) > 0 for t in range(found.n_frames)]
        assert np.array_equal(seen, tracks.labels > 0)
        assert len(found.parents) == 2
        (mother,) = set(found.parents.values())
        assert (found.read(2)[tracks.labels[2] == 2] == mother).all()


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
