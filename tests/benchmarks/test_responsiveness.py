"""The benchmark of clicks runs, at small size."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.gui
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_clicks_are_timed_from_the_click_to_the_outline(tmp_path, monkeypatch, qapp):
    pytest.importorskip("napari")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from responsiveness import main

    path = tmp_path / "clicks.json"
    words = ["--models", "nano", "--side", "256", "--planes", "2", "--clicks", "2"]
    assert main([*words, "--no-window", "--json", str(path)]) == 0
    clicks = json.loads(path.read_text("utf-8"))["nano"]["click"]
    assert clicks["click to outline"]["median_ms"] > clicks["decoding"]["median_ms"] > 0
