"""What ``track`` can start from, be told, and write besides."""

import json
from argparse import ArgumentTypeError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from bright_sam import bright_predictor
from dividing_movie import dividing_movie, stack_of
from napari_segment_anything.cli.main import main
from napari_segment_anything.cli.track_options import frames
from napari_segment_anything.models import load
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.ctc import read_ctc, write_ctc
from napari_segment_anything.storage.geff import read_geff
from napari_segment_anything.storage.label_store import LabelStore


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(load, "load_model", lambda *_, **__: bright_predictor())
    tifffile.imwrite(
        "movie.tif", stack_of(dividing_movie()).data, metadata={"axes": "TYX"}
    )


def labels_of(path):
    store = LabelStore.open(path, mode="r")
    return np.stack([store.read_plane((t,)) for t in range(6)])


def test_tracks_that_exist_are_completed_and_exported():
    truth = dividing_movie()
    given = np.where(np.isin(truth, (2, 3, 4)), truth, 0)
    rows = [(2, 0, 2, 0), (3, 3, 5, 2), (4, 3, 5, 2)]
    write_ctc("01_GT", given, rows)
    command = "track movie.tif out.zarr --start-from 01_GT --json a.json"
    exports = "--ctc 01_RES --geff tracks.geff --tree tree.svg"
    assert main([*command.split(), *exports.split()]) == 0
    found = labels_of("out.zarr")
    for one in (2, 3, 4):
        assert ((found == one) == (given == one)).all()
    assert len(np.unique(found)) == 5
    written = read_ctc("01_RES")
    assert (written.labels == found).all()
    assert set(rows) < set(written.tracks)
    assert read_geff("tracks.geff").n_nodes == 6 + 3 + 6
    files = json.loads(Path("a.json").read_text())["files"]
    own = {"labels", "table", "candidates"}
    assert set(files) == {*own, "ctc", "geff", "svg"}


def test_one_annotated_frame_of_a_range_is_carried_backwards():
    given = np.where(dividing_movie() == 1, 8, 0).astype(np.uint16)
    given[:4] = given[5:] = 0
    tifffile.imwrite("hand.tif", given, metadata={"axes": "TYX"})
    command = "track movie.tif out.zarr --start-from hand.tif --search nothing"
    options = "--ids-are-tracks --direction backwards --t 1: --divides no --hidden 0"
    assert main([*command.split(), *options.split()]) == 0
    store = LabelStore.open("out.zarr", mode="r")
    seen = [set(np.unique(store.read_plane((t,)))) for t in range(5)]
    assert seen == [{0, 8}] * 4 + [{0}]


def test_locked_frames_need_labels(capsys):
    assert main(["track", "movie.tif", "out.zarr", "--locked-frames", "1-2"]) == 2
    assert "--start-from" in capsys.readouterr().err
    assert frames("0,2-3") == (0, 2, 3)
    with pytest.raises(ArgumentTypeError):
        frames("a")


def test_locked_frames_are_those_of_the_input(capsys):
    given = dividing_movie()[:, :, ::-1].astype(np.uint16)
    tifffile.imwrite("hand.tif", given, metadata={"axes": "TYX"})
    command = "track movie.tif out.zarr --start-from hand.tif --change-labels"
    assert main([*command.split(), "--locked-frames", "3,9"]) == 2
    assert "Frame 9 cannot be locked" in capsys.readouterr().err
    assert main([*command.split(), *["--locked-frames", "3", "--t", "2:"]]) == 0
    store = LabelStore.open("out.zarr", mode="r")
    is_as_given = [
        ((store.read_plane((t,)) > 0) == (given[t + 2] > 0)).all() for t in range(4)
    ]
    # In the others something is found that the labels lack.
    assert is_as_given == [False, True, False, False]


def test_a_selection_counts_from_0_in_all_results(capsys):
    metadata = {"axes": "TYX", "TimeIncrement": 60.0, "TimeIncrementUnit": "s"}
    data = stack_of(dividing_movie()).data
    tifffile.imwrite("timed.ome.tif", data, metadata=metadata)
    exports = "--ctc RES --doubts d.csv --t 2:5"
    assert main(["track", "timed.ome.tif", "out.zarr", *exports.split()]) == 0
    said = "frame 0, here and in all results, is frame 2 of the input"
    written = capsys.readouterr()
    assert said in written.out
    assert said in written.err
    table = pd.read_csv("out.csv")
    assert sorted(set(table["t"])) == [0, 1, 2]
    assert sorted(set(table["t_s"])) == [120, 180, 240]
    beside = open_stack("out.zarr")
    assert beside.translate["T"] == 120
    # A folder of the challenge is valid by itself: its files count from 0.
    assert len(read_ctc("RES").labels) == 3
    assert set(pd.read_csv("d.csv")["frame"]) <= {0, 1, 2}


def test_slices_are_exported_each_for_itself():
    labels = dividing_movie()
    deep = np.stack([stack_of(one).data for one in (labels, labels[:, ::-1])], axis=1)
    tifffile.imwrite("deep.tif", deep, metadata={"axes": "TZYX"})
    exports = "--ctc RES --geff g.geff --tree t.svg --doubts d.csv"
    assert main(["track", "deep.tif", "out.zarr", *exports.split()]) == 0
    store = LabelStore.open("out.zarr", mode="r")
    for z in (0, 1):
        found = read_ctc(f"RES/Z{z}").labels
        wanted = [store.read_plane((t, z)) for t in range(6)]
        assert (found > 0).tolist() == (np.stack(wanted) > 0).tolist()
    assert set(read_geff("g.geff").properties["z"].tolist()) == {0, 1}
    assert "confidence" in read_geff("g.geff").properties
    assert Path("d.csv").read_text().startswith("z,frame,")
