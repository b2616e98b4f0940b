import json

import pytest

from napari_segment_anything.cli.dry_run import _duration, _ready, _seconds
from napari_segment_anything.cli.main import main


@pytest.fixture
def embed(cache, weights, movie, tmp_path):
    settings = tmp_path / "settings.toml"
    settings.write_text("intensity_range = [0, 3000]\n\n[automatic]\ntile = false\n")

    def run(*options):
        summary = tmp_path / "summary.json"
        words = ["embed", str(movie), "--store", str(tmp_path / "store")]
        words += ["--settings", str(settings), "--model", str(weights)]
        assert main([*words, "--json", str(summary), "--device", "cpu", *options]) == 0
        return json.loads(summary.read_text())

    return run


def test_embed_says_how_many_planes_are_ready(embed, tmp_path, capsys):
    first = embed("--dry-run")
    assert (first["n_planes"], first["n_ready"]) == (4, 0)
    assert not (tmp_path / "store").exists()
    embed("--t", "1:3")
    kept = sorted(path.name for path in (tmp_path / "store").iterdir())
    capsys.readouterr()
    second = embed("--dry-run")
    assert second["n_ready"] == 2
    written = [summary["bytes_written"]["embeddings"] for summary in (first, second)]
    assert written[0] == 2 * written[1] > 0
    assert "would work on 2 of 4 planes, 2 are ready" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == kept
    embed()
    third = embed("--dry-run")
    assert third["n_ready"] == 4
    assert third["seconds_expected"] == 0


def test_one_is_said_in_the_singular():
    durations = [_duration(seconds) for seconds in (1, 1.4, 2, 0, 120)]
    assert durations[:4] == ["1 second", "1 second", "2 seconds", "0 seconds"]
    assert durations[4] == "2 minutes"
    assert (_seconds("1"), _seconds("0.1")) == ("1 second", "0.1 seconds")
    assert (_ready(1), _ready(2), _ready(0)) == (", 1 is ready", ", 2 are ready", "")
