"""The benchmark of a graphics card, at small size and where there is none."""

import json
import signal
import time
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


def test_a_part_that_fails_or_takes_too_long_is_noted():
    from graphics_card import Part, measured

    assert measured(Part(lambda: {"x": 1}, 10), 10) == {"x": 1}
    assert "ZeroDivisionError" in measured(Part(lambda: 1 / 0, 10), 10)["failed"]
    assert "no time" in measured(Part(dict, 10), 0)["failed"]


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="has no timer")
def test_a_part_is_given_up_in_time():
    from graphics_card import Part, measured

    start = time.perf_counter()
    figures = measured(Part(lambda: time.sleep(60), 1), 10)
    assert "TimeoutError" in figures["failed"]
    assert time.perf_counter() - start < 30


def test_time_that_kernels_share_counts_once():
    from card_use import summary

    events = [
        {"cat": "kernel", "name": "a", "ts": 0, "dur": 4e5},
        {"cat": "kernel", "name": "b", "ts": 2e5, "dur": 1e5},
        {"cat": "kernel", "name": "b", "ts": 3e5, "dur": 2e5},
        {"cat": "gpu_memcpy", "name": "copy", "ts": 9e5, "dur": 1e5},
        {"cat": "cpu_op", "name": "c", "ts": 0, "dur": 1e6},
        {"name": "no category"},
    ]
    found = summary(events, 2.0)
    assert found["kernel_share"] == pytest.approx(0.25)
    assert found["busy_share"] == pytest.approx(0.3)
    assert found["n_kernels"] == 3
    assert found["longest_ms"][:2] == [["a", 400.0, 1], ["b", 300.0, 2]]


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
    for name in ("first_ms", "second_ms", "median_ms", "step_by_step_ms"):
        assert figures["prompt"][name] > 0
    for name in ("series", "bundled", "embedding"):
        assert figures[name]["n_planes"] == 2
        assert figures[name]["busy_share"] is None
    assert figures["bundled"]["objects_a_plane"] > 20
    assert figures["series"]["objects_a_plane"] > 20
    assert figures["everything"]["variants"]["bfloat16"]["n_masks"] > 0
    assert len(figures["memory"]) == 4
