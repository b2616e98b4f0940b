"""Files that lie already where a command would write: nothing is lost unasked."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from bright_sam import bright_predictor
from dividing_movie import dividing_movie
from napari_segment_anything.cli import places
from napari_segment_anything.cli.main import main
from napari_segment_anything.models import load
from napari_segment_anything.storage.ctc import read_ctc, write_ctc
from napari_segment_anything.storage.label_store import LabelStore

ROWS = [(1, 0, 5, 0), (2, 0, 2, 0), (3, 3, 5, 2), (4, 3, 5, 2)]
MOVIE = (100 + 2000 * (dividing_movie() > 0)).astype(np.uint16)
TRACK = ["track", "movie.tif", "exp.zarr"]
CORRECT = ["correct", "movie.tif", "01_RES"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A movie and its tracks, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(load, "load_model", lambda *_, **__: bright_predictor())
    tifffile.imwrite("movie.tif", MOVIE, imagej=True, metadata={"axes": "TYX"})
    write_ctc(tmp_path / "01_RES", list(dividing_movie()), ROWS)


@pytest.fixture
def refused(capsys):
    def refused(*words):
        assert main([str(word) for word in words]) == 2
        sentence = capsys.readouterr().err.strip().splitlines()[-1]
        assert "Traceback" not in sentence
        return sentence

    return refused


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_the_table_of_something_else_is_not_replaced(refused, options):
    Path("exp.csv").write_text("well,drug\n")
    assert "exp.csv exists already" in refused(*TRACK, *options)
    assert Path("exp.csv").read_text() == "well,drug\n"
    # It is found before any work.
    assert not Path("exp.zarr").exists()


def test_a_foreign_table_is_replaced_where_that_is_asked_for():
    Path("exp.csv").write_text("well,drug\n")
    assert main([*TRACK, "--overwrite"]) == 0
    assert "track_id" in pd.read_csv("exp.csv")


def test_the_own_table_is_replaced_when_a_job_goes_on_but_not_a_corrected_one(refused):
    assert main(TRACK) == 0
    whole = Path("exp.csv").read_bytes()
    Path("exp.csv").write_bytes(whole[: len(whole) // 2])
    assert main([*TRACK, "--dry-run"]) == 0
    assert main(TRACK) == 0
    assert Path("exp.csv").read_bytes() == whole
    corrected = pd.read_csv("exp.csv").assign(is_locked=True)
    corrected.to_csv("exp.csv", index=False)
    assert "exp.csv exists already" in refused(*TRACK)
    # Without its result a table is that of another one.
    Path("exp.csv").write_bytes(whole)
    shutil.rmtree("exp.zarr")
    assert "exp.csv exists already" in refused(*TRACK)
    assert Path("exp.csv").read_bytes() == whole


@pytest.mark.parametrize("command", [TRACK, [*TRACK, "--dry-run"], CORRECT])
@pytest.mark.parametrize("option", ["--ctc", "--geff", "--tree", "--doubts"])
def test_other_results_are_not_replaced_unasked(refused, command, option):
    mine = Path("mine")
    mine.mkdir()
    (mine / "mask009.tif").write_text("mine")
    assert "mine exists already" in refused(*command, option, mine)
    assert not Path("exp.zarr").exists()
    with_overwrite = [*command, option, mine, "--overwrite"]
    if option != "--ctc":
        assert "not overwritten" in refused(*with_overwrite)
        assert (mine / "mask009.tif").read_text() == "mine"
    elif "--dry-run" not in command:
        assert main([str(word) for word in with_overwrite]) == 0
        # None of the old frames is among the new ones.
        assert len(read_ctc(mine).labels) == 6


@pytest.mark.parametrize("option", ["--table", "--tree", "--doubts"])
def test_a_file_is_replaced_only_where_that_is_asked_for(refused, option):
    Path("mine.csv").write_text("well,drug\n")
    steps = ["--do", "cut 1 3", option, "mine.csv"]
    assert "mine.csv exists already" in refused(*CORRECT, *steps)
    assert Path("mine.csv").read_text() == "well,drug\n"
    assert main([*CORRECT, *steps, "--overwrite"]) == 0
    assert Path("mine.csv").read_text() != "well,drug\n"


def test_tracks_may_be_replaced_by_their_corrected_selves(refused):
    steps = ["--do", "cut 1 3", "--ctc", "01_RES"]
    assert "01_RES exists already" in refused(*CORRECT, *steps)
    assert read_ctc("01_RES").tracks == ROWS
    assert main([*CORRECT, *steps, "--overwrite"]) == 0
    found = read_ctc("01_RES")
    assert (5, 3, 5, 0) in found.tracks
    assert np.array_equal(found.labels > 0, dividing_movie() > 0)


@pytest.mark.parametrize("option", ["--tree", "--ctc", "--table", "--doubts"])
def test_the_image_is_never_replaced(refused, option):
    for name in ("movie.tif", "."):
        assert "movie.tif" in refused(*CORRECT, option, name, "--overwrite")
    assert np.array_equal(tifffile.imread("movie.tif"), MOVIE)


def test_two_results_do_not_share_a_place(refused):
    for command in (CORRECT, TRACK):
        words = refused(
            *command, "--tree", "a.svg", "--doubts", Path("a.svg").resolve()
        )
        assert "named for two results" in words
    assert "exp.csv" in refused(*TRACK, "--tree", "exp.csv")
    assert "exp.zarr" in refused(*TRACK, "--geff", "exp.zarr")


def test_corrections_that_are_not_written_are_said(capsys):
    assert main([*CORRECT, "--do", "cut 1 3", "--doubts", "d.csv"]) == 0
    assert "were not written: say where by --ctc DIR" in capsys.readouterr().out
    assert main([*CORRECT, "--do", "cut 1 3", "--table", "t.csv"]) == 0
    assert main(CORRECT) == 0
    assert "not written" not in capsys.readouterr().out


def test_the_image_in_the_output_stays(refused):
    assert main(TRACK) == 0
    again = ["track", "exp.zarr", "exp.zarr", "--no-repair"]
    assert "--overwrite" in refused(*again)
    assert main([*again, "--overwrite", "--dry-run"]) == 0
    assert main([*again, "--overwrite"]) == 0
    assert np.array_equal(zarr.open_array("exp.zarr/0", mode="r")[...], MOVIE)
    assert LabelStore.open("exp.zarr").attributes["repair"] is False


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_labels_to_start_from_stay(refused, options):
    assert main(TRACK) == 0
    before = np.asarray(LabelStore.open("exp.zarr").labels)
    start = "--start-from exp.zarr/labels/masks --ids-are-tracks --search followed"
    words = refused(*TRACK, *start.split(), "--overwrite", *options)
    assert "choose another output" in words
    assert np.array_equal(LabelStore.open("exp.zarr").labels, before)


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_an_ome_zarr_is_no_store_of_embeddings(refused, options):
    assert main(TRACK) == 0
    before = sorted(Path("exp.zarr").rglob("*"))
    store = ["--store", "exp.zarr"]
    for command in (["embed", "movie.tif"], ["segment", "movie.tif", "b.zarr"]):
        assert "not a folder of embeddings" in refused(*command, *store, *options)
    assert sorted(Path("exp.zarr").rglob("*")) == before


def test_a_dry_run_finds_what_a_run_would_refuse(refused):
    deep = np.stack([MOVIE, MOVIE[:, ::-1]], axis=1)
    tifffile.imwrite("deep.tif", deep, metadata={"axes": "TZYX"})
    command = ["track", "deep.tif", "deep.zarr", "--dry-run"]
    assert main([*command, "--ctc", "deep_RES"]) == 0
    assert not Path("deep_RES").exists()
    assert main(TRACK) == 0
    wrong = [
        [*command, "--start-from", "01_RES"],
        ["track", "movie.tif", "exp.zarr", "--no-repair", "--dry-run"],
        ["track", "movie.tif", "a.zarr", "--axes", "ZYX", "--along", "T", "--dry-run"],
        ["track", "movie.tif", "missing.zarr/labels/a", "--dry-run"],
    ]
    for words in wrong:
        sentence = refused(*words)
        assert sentence == refused(*words[:-1] if words[-1] == "--dry-run" else words)


SEGMENT = ["segment", "movie.tif", "found.zarr", "--table", "found.csv"]


def test_the_own_table_of_objects_is_replaced_and_others_are_not(refused):
    assert main(SEGMENT) == 0
    whole = Path("found.csv").read_bytes()
    assert main(SEGMENT) == 0
    assert Path("found.csv").read_bytes() == whole
    Path("found.csv").write_text("well,drug\n")
    assert "found.csv exists already" in refused(*SEGMENT)
    assert "found.csv exists already" in refused(*SEGMENT, "--dry-run")
    assert Path("found.csv").read_text() == "well,drug\n"
    assert main([*SEGMENT, "--overwrite"]) == 0
    assert Path("found.csv").read_bytes() == whole


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_the_table_of_another_result_is_not_replaced(refused, options):
    other = np.ascontiguousarray(MOVIE[:, :, ::-1])
    other[:, :8, :8] = 2100
    tifffile.imwrite("other.tif", other, imagej=True, metadata={"axes": "TYX"})
    assert main(SEGMENT) == 0
    assert main(["segment", "other.tif", "b.zarr", "--table", "b.csv"]) == 0
    whole = Path("b.csv").read_bytes()
    words = [*SEGMENT[:3], "--table", "b.csv", *options]
    assert "lists other objects than found.zarr holds" in refused(*words)
    assert Path("b.csv").read_bytes() == whole
    # Labels in an image of another name are those that are compared.
    named = ["segment", "movie.tif", "b.zarr/labels/more", "--table"]
    assert main([*named, "more.csv"]) == 0
    assert main([*named, "more.csv", *options]) == 0
    assert "lists other objects" in refused(*named, "b.csv", *options)
    assert main([*named, "more.csv", "--overwrite", *options]) == 0


@pytest.mark.parametrize("where", ["movie.tif", "found.zarr", "found.json"])
def test_a_table_does_not_take_the_place_of_anything_else(refused, where):
    before = Path("movie.tif").read_bytes()
    refused(*SEGMENT[:3], "--json", "found.json", "--table", where, "--overwrite")
    assert Path("movie.tif").read_bytes() == before
    assert not Path("found.zarr").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "movie.tif", "new/a/found.zarr", "--json", "new/b/found.json"],
        ["track", "movie.tif", "new/a/found.zarr", "--ctc", "new/b/01_RES"],
        ["embed", "movie.tif", "--store", "new/a/store", "--json", "new/b/found.json"],
        [
            "correct",
            "movie.tif",
            "01_RES",
            "--table",
            "new/a/t.csv",
            "--json",
            "new/b/j",
        ],
    ],
)
def test_new_folders_are_named_before_they_are_made(words, capsys):
    assert main(words) == 0
    said = capsys.readouterr().err
    for folder in ("new/a", "new/b"):
        assert f"{folder} is a new folder, for " in said
        assert Path(folder).is_dir()
    # They are there now.
    again = [] if words[0] == "embed" else ["--overwrite"]
    assert main([*words, *again]) == 0
    assert "new folder" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "movie.tif", "new/a/found.zarr", "--table", "new/b/found.csv"],
        ["track", "movie.tif", "new/a/found.zarr", "--ctc", "new/b/01_RES"],
        ["embed", "movie.tif", "--store", "new/a/store"],
    ],
)
def test_a_dry_run_says_which_folders_would_be_made(words, capsys):
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().err
    for folder in ("new/a", "new/b")[: 1 if words[0] == "embed" else 2]:
        assert f"{folder} would be a new folder, for " in said
    assert "is a new folder" not in said
    assert not Path("new").exists()
    # The summary is written, and so is said of its folder alone.
    assert main([*words, "--dry-run", "--json", "new/c/found.json"]) == 0
    said = capsys.readouterr().err
    assert "new/a would be a new folder, for " in said
    assert "new/c is a new folder, for found.json" in said
    assert Path("new/c/found.json").is_file()
    assert not Path("new/a").exists()


def test_a_folder_that_a_dry_run_makes_for_its_summary_is_said_to_be_made(capsys):
    words = ["segment", "movie.tif", "new/found.zarr", "--json", "new/found.json"]
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert "new is a new folder, for found.json" in said
    assert "would be a new folder" not in said
    assert [path.name for path in Path("new").iterdir()] == ["found.json"]


@pytest.mark.parametrize("words", [TRACK, SEGMENT[:3], ["embed", "movie.tif"], CORRECT])
def test_a_summary_without_a_place_is_known_before_the_work(refused, words):
    where = "movie.tif/deep/a.json"
    assert "movie.tif is no folder" in refused(*words, "--json", where)
    assert not Path("exp.zarr").exists()
    assert not Path("found.zarr").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "movie.tif", "mine/found.zarr"],
        ["embed", "movie.tif", "--store", "mine/store"],
    ],
)
def test_a_folder_in_one_that_may_not_be_written_to_is_continued(words, monkeypatch):
    assert main(words) == 0
    # Nobody may keep root from writing.
    outer = Path("mine").absolute()
    monkeypatch.setattr(places.os, "access", lambda path, _: Path(path) != outer)
    assert main(words) == 0
    assert main(["segment", "movie.tif", "mine/other.zarr"]) == 2


def test_what_candidates_are_is_said(capsys):
    assert main([*SEGMENT, "--json", "found.json"]) == 0
    assert "found.candidates (masks before any threshold" in capsys.readouterr().out
    files = json.loads(Path("found.json").read_text())["files"]
    assert Path(files["candidates"]).is_dir()
    shutil.rmtree(files["candidates"])
    assert main([*SEGMENT, "--json", "again.json"]) == 0
    assert "candidates" not in json.loads(Path("again.json").read_text())["files"]
    n_objects = json.loads(Path("found.json").read_text())["n_objects"]
    table = pd.read_csv(files["table"])
    assert len(table) == n_objects > 0
    labels = LabelStore.open("found.zarr")
    for row in table.itertuples():
        assert np.count_nonzero(labels.read_plane((row.t,)) == row.label) == row.area


def test_labels_are_written_as_a_tiff_that_replaces_nothing_unasked(refused):
    words = ["segment", "movie.tif", "found.zarr", "--tiff"]
    assert "movie.tif is not overwritten" in refused(*words, "movie.tif")
    assert main([*words, "made/found.tif", "--json", "s.json"]) == 0
    labels = LabelStore.open("found.zarr").labels
    np.testing.assert_array_equal(tifffile.imread("made/found.tif"), labels[:])
    assert labels[:].max() > 0
    files = json.loads(Path("s.json").read_text("utf-8"))["files"]
    assert Path(files["tiff"]) == Path("made/found.tif")
    assert "exists already" in refused(*words, "made/found.tif")
