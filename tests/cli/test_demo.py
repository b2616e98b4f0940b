"""A demo puts its results beside what others keep in a folder, or not at all."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from bright_sam import bright_predictor
from napari_segment_anything.cli.main import main
from napari_segment_anything.models import load

DEMO = ["demo", "movie.tif", "--output", "out"]


@pytest.fixture(autouse=True)
def place(cache, movie, monkeypatch):
    """A movie and an image, in the working folder."""
    monkeypatch.setattr(load, "load_model", lambda *_, **__: bright_predictor())
    Path("out").mkdir()


def refusal(capsys, words):
    assert main(words) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def write_png(path):
    image = np.zeros((40, 40), np.uint8)
    image[10:20, 10:20] = 200
    Path(path).write_bytes(imagecodecs.png_encode(image))


@pytest.mark.parametrize("name", ["overlay.png", "tracks.csv", "summary.json"])
def test_files_of_others_stay_and_are_known_before_the_work(capsys, name):
    mine = Path("out") / name
    mine.write_text("mine")
    assert f"{mine} exists already" in refusal(capsys, DEMO)
    assert [path.name for path in Path("out").iterdir()] == [name]
    assert mine.read_text() == "mine"
    # A summary is never exchanged for something else, others are where that is asked.
    expected = 2 if name == "summary.json" else 0
    assert main([*DEMO, "--overwrite"]) == expected
    assert (mine.read_text("latin-1") == "mine") is (expected == 2)


def test_a_table_of_objects_stays_too(capsys):
    write_png("cells.png")
    Path("out/objects.csv").write_text("well,drug\n")
    words = ["demo", "cells.png", "--output", "out"]
    assert "objects.csv exists already" in refusal(capsys, words)
    assert not Path("out/result.ome.zarr").exists()


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_the_image_is_never_replaced(capsys, options):
    write_png("out/overlay.png")
    before = Path("out/overlay.png").read_bytes()
    words = ["demo", "out/overlay.png", "--output", "out", *options]
    assert "out/overlay.png" in refusal(capsys, words)
    assert Path("out/overlay.png").read_bytes() == before
    assert not Path("out/result.ome.zarr").exists()


def test_nothing_is_put_among_frames(capsys):
    for number in range(3):
        write_png(f"out/{number}.png")
    for place in ("out", "./out/../out"):
        said = refusal(capsys, ["demo", "out", "--output", place])
        assert "no results are put into it" in said
    assert len(list(Path("out").iterdir())) == 3
    assert main(["demo", "out", "--output", "out/found"]) == 0
    assert main(["demo", "out", "--output", "out/found"]) == 0


@pytest.mark.parametrize("lost", ["", "overlay.png", "tracks.csv", "summary.json"])
def test_a_second_demo_goes_on_in_the_same_folder(lost):
    assert main([*DEMO, "--json", "out/summary.json"]) == 0
    table = Path("out/tracks.csv").read_bytes()
    if lost:
        Path("out", lost).unlink()
    assert main(DEMO) == 0
    assert Path("out/tracks.csv").read_bytes() == table
    assert Path("out/overlay.png").is_file()
    assert Path("out/summary.json").is_file()


def test_another_demo_of_another_image_needs_another_folder(capsys):
    assert main(DEMO) == 0
    frames = tifffile.imread("movie.tif")[:, ::-1]
    tifffile.imwrite("other.tif", frames, imagej=True, metadata={"axes": "TYX"})
    said = refusal(capsys, ["demo", "other.tif", "--output", "out"])
    assert "result of another image" in said
