"""A summary takes the place of an earlier one, and of nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from bright_sam import bright_predictor
from dividing_movie import dividing_movie
from napari_segment_anything.cli.main import main
from napari_segment_anything.cli.summary_place import is_replaceable
from napari_segment_anything.models import load
from napari_segment_anything.storage.ctc import write_ctc

MOVIE = (100 + 2000 * (dividing_movie() > 0)).astype(np.uint16)
ROWS = [(1, 0, 5, 0), (2, 0, 2, 0), (3, 3, 5, 2), (4, 3, 5, 2)]
COMMANDS = {
    "segment": ["segment", "movie.tif", "found.zarr"],
    "overwrite": ["segment", "movie.tif", "found.zarr", "--overwrite"],
    "dry run": ["segment", "movie.tif", "found.zarr", "--dry-run"],
    "settings": ["segment", "movie.tif", "found.zarr", "--settings", "mine.toml"],
    "track": ["track", "movie.tif", "found.zarr"],
    "embed": ["embed", "movie.tif", "--store", "store"],
    "demo": ["demo", "movie.tif", "--output", "out"],
    "correct": ["correct", "movie.tif", "01_RES"],
    "list": ["models", "list"],
    "fetch": ["models", "fetch", "nano"],
    "path": ["models", "path"],
}
RESULTS = ("found.zarr", "found.csv", "store", "out")


@pytest.fixture(autouse=True)
def place(cache, tmp_path, monkeypatch):
    """A movie and its tracks, in the working folder."""
    monkeypatch.setattr(load, "load_model", lambda *_, **__: bright_predictor())
    tifffile.imwrite("movie.tif", MOVIE, imagej=True, metadata={"axes": "TYX"})
    write_ctc(tmp_path / "01_RES", list(dividing_movie()), ROWS)
    Path("mine.toml").write_text("intensity_range = [0, 5000]\n")
    Path("mine.json").write_text('{"my": "notes"}')
    Path("mine.txt").write_text("more notes")
    Path("mine").mkdir()


def refusal(capsys, words):
    assert main(words) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "file", ["movie.tif", "mine.toml", "mine.json", "mine.txt", "mine"]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_summary_stays_and_is_known_before_the_work(capsys, command, file):
    before = Path(file).read_bytes() if Path(file).is_file() else None
    said = refusal(capsys, [*COMMANDS[command], "--json", file])
    assert f"{file} exists already and is no summary" in said
    assert before is None or Path(file).read_bytes() == before
    assert not any(Path(name).exists() for name in RESULTS)


@pytest.mark.parametrize("command", ["dry run", "embed", "correct", "list", "path"])
def test_an_earlier_summary_is_replaced(command):
    words = [*COMMANDS[command], "--json", "a.json"]
    Path("a.json").touch()  # As mktemp leaves a file.
    assert main(words) == 0
    first = json.loads(Path("a.json").read_text())
    assert first["program"] == "napari-segment-anything"
    Path("a.json").write_text(json.dumps(first | {"old": True}))
    assert main(words) == 0
    assert "old" not in json.loads(Path("a.json").read_text())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", True),
        ('{"program": "napari-segment-anything", "models": []}', True),
        # Summaries once did not say who has written them.
        ('{"command": "embed", "input": "a", "axes": "YX", "shape": [1, 2]}', True),
        ('{"command": "embed"}', False),
        ('["program"]', False),
        ('{"program": "another"}', False),
        ('{"program": "napari-segment-any', False),
        ("[" * 100_000, False),
        ('{"program": "napari-segment-anything"}' + " " * 1_000_000, False),
    ],
)
def test_a_summary_is_known_by_its_content(tmp_path, content, expected):
    path = tmp_path / "a"
    path.write_text(content)
    assert is_replaceable(path) is expected
    path.write_bytes(b"\xff\xfe\x00")
    assert not is_replaceable(path)


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "movie.tif", "found.zarr", "--json", "found.zarr"],
        ["segment", "movie.tif", "new/found.zarr", "--json", "new"],
        # It would make the folder of a result that is not written.
        ["segment", "movie.tif", "found.zarr", "--dry-run", "--json", "found.zarr/a"],
        ["track", "movie.tif", "found.zarr", "--json", "found.csv"],
        ["track", "movie.tif", "found.zarr", "--ctc", "a_RES", "--json", "a_RES"],
        ["correct", "movie.tif", "01_RES", "--table", "a", "--json", "x/../a"],
        ["embed", "movie.tif", "--store", "store", "--json", "store"],
        ["demo", "movie.tif", "--output", "out", "--json", "out/tracks.csv"],
    ],
)
def test_a_summary_and_a_result_do_not_share_a_place(capsys, words):
    said = refusal(capsys, words)
    assert "--json" in said
    assert "place" in said
    assert not any(Path(name).exists() for name in (*RESULTS, "new", "a_RES", "a"))
