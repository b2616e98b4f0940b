"""The benchmark of speed: its ratios, its reference, and that it runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _import_siblings(monkeypatch):
    """Scripts in one folder import each other by their bare names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_ratios_are_reference_over_own(monkeypatch):
    import measuring

    seconds = {"ours": 2.0, "theirs": 6.0}
    monkeypatch.setattr(measuring, "seconds_of", lambda work, clock: work())
    monkeypatch.setattr(measuring, "extra_memory", lambda work: (2**20, work()))
    own = {"ours": lambda: seconds["ours"]}
    figures = measuring.measure("x", own, {"theirs": lambda: seconds["theirs"]}, 3)
    assert figures["own"] == ["ours"]
    assert figures["variants"]["ours"]["ratios"] == {"theirs": 3.0}
    assert figures["variants"]["theirs"] == {"median_s": 6.0, "extra_mib": 1.0}


def test_growth_of_a_square_is_two(monkeypatch):
    import measuring

    monkeypatch.setattr(measuring, "seconds_of", lambda work: work())
    sizes = [1.0, 2.0, 4.0]
    works = [lambda n=n: 3 * n**2 for n in sizes]
    assert measuring.growth_exponent(sizes, works) == pytest.approx(2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_extra_memory_is_what_the_work_held_at_most():
    import measuring

    extra, total = measuring.extra_memory(lambda: float(np.ones(50 * 2**17).sum()))
    assert total == 50 * 2**17
    assert 45 * 2**20 < extra < 120 * 2**20


def test_masks_of_the_reference_are_matched():
    from agreement import matched_share

    from napari_segment_anything.engine.mask_set import MaskSet

    masks = np.zeros((2, 20, 20), bool)
    masks[0, 2:12, 2:12] = masks[1, 14:18, 14:18] = True
    box = (0, 0, 20, 20)
    found = MaskSet.from_masks((20, 20), [box, box], list(masks))
    assert matched_share(found, list(masks)) == 1
    other = masks[1].copy()
    other[14, 14] = False
    assert matched_share(found, [masks[0], other]) == 0.5


def test_transformers_answers_the_same_with_the_same_weights():
    pytest.importorskip(
        "transformers", reason="the extra `benchmarks` is not installed"
    )
    from published_order import one_point_each
    from speed import SMALL
    from stages import Contest
    from transformers_peer import Peer

    contest = Contest.create(SMALL, "cpu", Peer)
    image = torch.from_numpy(contest.image).permute(2, 0, 1)[None]
    embedding = contest.embeddings["float32"]
    points = np.array([[20.0, 30.0], [200.0, 100.0]])
    ours, scores = contest.predictors["float32"].decode(
        embedding, one_point_each(points)
    )
    for peer in contest.peers.values():
        expected = peer.encode(image)
        assert (embedding.features - expected).norm() < 1e-4 * expected.norm()
        points_xy = torch.from_numpy(points[:, None, ::-1].copy()).float()
        logits, iou = peer.decode(embedding.features, points_xy)
        assert (ours - logits).norm() < 1e-3 * logits.norm()
        torch.testing.assert_close(scores, iou, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_a_quick_run_writes_every_stage(tmp_path):
    from speed import main

    path = tmp_path / "speed.json"
    assert main(["--quick", "--json", str(path), "--device", "cpu"]) == 0
    figures = json.loads(path.read_text())
    assert set(figures["models"]) == {"tiny", "small"}
    for model in figures["models"].values():
        assert {"encode", "decode_1", "everything_grid"} <= model["stages"].keys()
        for stage in model["stages"].values():
            assert all(v["median_s"] > 0 for v in stage["variants"].values())
    assert figures["models"]["small"]["agreement"]["float32_logits_error"] < 1e-4
    assert figures["linking"]["variants"]["link"]["ratios"]
