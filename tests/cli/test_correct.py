"""``correct``: the corrections of the dock, from the command line."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from dividing_movie import dividing_movie
from napari_segment_anything.cli.main import main
from napari_segment_anything.storage.ctc import read_ctc, write_ctc

ROWS = [(1, 0, 5, 0), (2, 0, 2, 0), (3, 3, 5, 2), (4, 3, 5, 2)]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A movie and its tracks, in the working folder."""
    monkeypatch.chdir(tmp_path)
    labels = dividing_movie()
    picture = (100 + 2000 * (labels > 0)).astype(np.uint16)
    tifffile.imwrite("movie.tif", picture, imagej=True, metadata={"axes": "TYX"})
    write_ctc(tmp_path / "01_RES", list(labels), ROWS)
    return ["movie.tif", "01_RES"]


def test_steps_are_carried_out_in_order_and_results_written(places, tmp_path, capsys):
    (tmp_path / "steps.txt").write_text("# first\ncut 1 3\n")
    files = ["--ctc", "02_RES", "--table", "t.csv", "--tree", "t.svg"]
    files += ["--doubts", "d.csv", "--json", "s.json"]
    steps = ["--steps", "steps.txt", "--do", "apart 3", "--do", "remove 3 4"]
    assert main(["correct", *places, *steps, *files]) == 0
    found = read_ctc("02_RES")
    assert (5, 3, 5, 0) in found.tracks
    # The format knows no gaps: the part after one is a track of its own.
    assert (3, 3, 3, 0) in found.tracks
    assert (6, 5, 5, 3) in found.tracks
    assert (4, 3, 5, 2) in found.tracks
    # Ids of objects that nobody corrected are as they were.
    assert np.array_equal(found.labels == 2, dividing_movie() == 2)
    table = pd.read_csv("t.csv")
    locked = table.loc[table.is_locked, ["track_id", "t"]].to_numpy().tolist()
    assert locked == [[1, 2], [3, 3], [5, 3]]
    doubts = pd.read_csv("d.csv")
    assert list(doubts.columns) == [
        *("frame", "track_id", "reason", "score", "otherwise")
    ]
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["n_corrections"] == 3
    assert summary["n_tracks"] == 5
    assert summary["n_doubts"] == len(doubts) >= 1
    assert "3 corrections" in capsys.readouterr().out
    # Nothing that was given is changed.
    assert np.array_equal(read_ctc("01_RES").labels, dividing_movie())


def test_without_steps_tracks_are_reviewed_and_converted(places, capsys):
    assert main(["correct", *places, "--geff", "g.geff"]) == 0
    assert "track 2 divides" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (["--do", "glue 1 2"], "is no correction"),
        (["--do", "cut 1 0"], "Go to a later frame"),
        (["--do", "cut 99 3"], "There is no track 99"),
        (["--steps", "missing.txt"], "missing.txt"),
        (["--lineage", "movie.tif"], ""),
    ],
)
def test_what_cannot_be_done_is_one_sentence(places, capsys, steps, words, tmp_path):
    if steps[0] == "--lineage":
        labels = dividing_movie().astype(np.uint16)
        tifffile.imwrite("labels.tif", labels)
        places, words = ["movie.tif", "labels.tif"], "track_id and parent_id"
    assert main(["correct", *places, *steps, "--ctc", "x_RES"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "x_RES").exists()


def test_the_review_list_of_a_run_names_the_slice(tmp_path, monkeypatch):
    from bright_sam import bright_predictor
    from napari_segment_anything.models import load

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        load, "load_model", lambda name, device=None: bright_predictor()
    )
    labels = dividing_movie()
    data = np.stack([labels, labels[:, ::-1]], axis=1) > 0
    np.save("deep.npy", (100 + 2000 * data).astype(np.uint16))
    command = ["track", "deep.npy", "out.zarr", "--axes", "TZYX", "--doubts", "d.csv"]
    assert main(command) == 0
    doubts = pd.read_csv("d.csv")
    assert set(doubts.z) == {0, 1}
    assert doubts.score.is_monotonic_decreasing


def test_what_is_known_of_masks_stays_known(places, monkeypatch):
    from bright_sam import bright_predictor
    from napari_segment_anything.models import load

    monkeypatch.setattr(load, "load_model", lambda *_, **__: bright_predictor())
    assert main(["track", "movie.tif", "out.zarr"]) == 0
    before = pd.read_csv("out.csv")
    labels = ["out.zarr/labels/masks", "--lineage", "out.csv"]
    steps = ["--do", f"cut {before.track_id.min()} 3", "--table", "t.csv"]
    assert main(["correct", "movie.tif", *labels, *steps]) == 0
    after = pd.read_csv("t.csv")
    assert after.track_id.nunique() == before.track_id.nunique() + 1
    pairs = before.merge(after, on=["t", "y", "x"])
    assert len(pairs) == len(before)
    assert np.allclose(pairs.confidence_x, pairs.confidence_y)
    # A prompted object is a person's.
    wanderer = ["--do", "prompt ? 3 at 23 16", *steps[2:], "--overwrite"]
    assert main(["correct", "movie.tif", *labels, *wanderer]) == 0
    assert pd.read_csv("t.csv").is_locked.sum() >= 1


def test_a_lineage_that_lies_beside_is_pointed_out(places, capsys):
    tifffile.imwrite("labels.tif", dividing_movie().astype(np.uint16))
    words = ["correct", "movie.tif", "labels.tif"]
    assert main(words) == 0
    assert "--lineage" not in capsys.readouterr().err
    rows = [(one, parent) for one, _, _, parent in ROWS]
    pd.DataFrame(rows, columns=["track_id", "parent_id"]).to_csv("labels.csv")
    assert main(words) == 0
    said = capsys.readouterr()
    assert "give it by --lineage labels.csv" in said.err
    assert "0 divisions" in said.out
    assert main([*words, "--lineage", "labels.csv"]) == 0
    said = capsys.readouterr()
    assert "--lineage" not in said.err
    assert "1 division\n" in said.out
    # A folder of the Cell Tracking Challenge has a lineage of its own.
    pd.DataFrame(rows, columns=["track_id", "parent_id"]).to_csv("01_RES.csv")
    assert main(["correct", *places]) == 0
    assert "--lineage" not in capsys.readouterr().err


def test_doubts_through_depth_are_in_slices(places, capsys):
    picture = tifffile.imread("movie.tif")
    tifffile.imwrite("deep.tif", picture, imagej=True, metadata={"axes": "ZYX"})
    assert main(["correct", "deep.tif", "01_RES"]) == 0
    words = capsys.readouterr().out
    assert "slice 3: track" in words
    assert "frame 3" not in words
