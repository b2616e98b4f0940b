"""A card that is a sleep, and whether jobs on series of planes keep it busy."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _import_siblings(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_the_card_does_one_thing_after_the_other():
    from card_use import covered
    from simulated_card import SimulatedCard

    card = SimulatedCard(0.01, 0.02, 0.03)
    features = card.encode(torch.zeros(2, 3, 8, 8))
    points = torch.tensor([[[550.0, 300.0]], [[0.0, 0.0]]])
    logits, iou = card.decode(features[:1], points_xy=points)
    found = card.stable_masks(logits.flatten(0, 1)[:3])
    assert covered(card.busy) == pytest.approx(0.07, abs=0.03)
    assert features.shape == (2, 256, 64, 64)
    assert iou.shape == (2, 3)
    # Three cells about each other, at the point (x, y), in its plane's (y, x).
    y0, x0, y1, x1 = found.boxes.T
    assert (np.maximum(y0, x0 - 250) < 300).all()
    assert (np.minimum(y1, x1 - 250) > 300).all()
    assert found.areas.tolist() == sorted(found.areas.tolist())
    assert found.areas[1] == pytest.approx(np.pi * (0.0215 * 1024) ** 2, rel=0.05)
    assert found.stability[1] > 0.8
    assert [mask.sum() for mask in found.masks] == found.areas.tolist()


@pytest.mark.slow  # and of use on a machine that has little else to do
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="threads need processors")
def test_embedding_keeps_a_card_busy():
    """Planes take 80 ms of the card here, so that two processors are enough."""
    from simulated_card import embedding

    found = embedding(60, encode_seconds=0.08)
    assert found["n_planes"] == 60
    assert found["busy_share_between_first_and_last"] > 0.9


def test_segmentation_finds_what_the_card_shows(tmp_path):
    from simulated_card import main

    path = tmp_path / "card.json"
    assert main(["--planes", "3", "--json", str(path)]) == 0
    assert '"n_objects": 432' in path.read_text()


def test_afterwards_a_cpu_is_one_again():
    from simulated_card import taken_for_a_card

    from napari_segment_anything.batch import encode_ahead, side_by_side

    before = torch.get_num_threads(), side_by_side.is_on_card
    with taken_for_a_card(3):
        assert encode_ahead.is_on_card(None)
        assert torch.get_num_threads() == 3
    assert (torch.get_num_threads(), side_by_side.is_on_card) == before
