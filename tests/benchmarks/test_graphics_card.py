"""The benchmark of a graphics card, at small size and where there is none."""

import json
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _import_siblings(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_without_a_card_it_says_what_it_would_measure(tmp_path, capsys, monkeypatch):
    from graphics_card import MEASURED, main

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["--json", str(tmp_path / "card.json")]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in MEASURED)
    assert "bfloat16" in said
    assert not (tmp_path / "card.json").exists()


@pytest.mark.slow
def test_a_try_on_the_cpu_fills_in_every_part(tmp_path):
    from graphics_card import MEASURED, main

    path = tmp_path / "card.json"
    words = ["--device", "cpu", "--model", "small", "--planes", "2"]
    assert main([*words, "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert set(MEASURED) <= set(figures)
    assert figures["encoder"]["gflop_a_plane"] > 0.1
    assert figures["encoder"]["batches"]["2"]["eager"]["gflops"] > 0
    assert figures["prompt"]["median_ms"] > 0
    assert figures["series"]["n_planes"] == 2
    assert figures["series"]["busy_share"] is None
    assert figures["everything"]["variants"]["bfloat16"]["n_masks"] >= 0
