import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_segment_anything.engine import card_masks, mask_windows
from napari_segment_anything.engine.card_masks import stable_masks_on_card
from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane

SHAPES = [(64, 64), (150, 61), (61, 150), (128, 100)]


def logits_of(n):
    noise = np.random.default_rng(3).normal(size=(n, 64, 64))
    smooth = ndimage.gaussian_filter(noise, (0, 4, 4))
    # From masks that fill the plane to empty ones.
    level = np.linspace(6, -8, n)[:, None, None]
    return (smooth / smooth.std() * 2 + level).astype(np.float32)


def cells_of(n):
    """Logits of disks of all sizes, some of them cut by an edge of the frame."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:64, :64]
    centres = rng.uniform(-3, 67, (n, 2, 1, 1))
    radii = np.geomspace(0.3, 40, n)[:, None, None]
    distance = np.hypot(y - centres[:, 0], x - centres[:, 1])
    return (4 * (radii - distance)).astype(np.float32)


@pytest.mark.parametrize("shape", [*SHAPES, (300, 500), (513, 97), (40, 30)])
@pytest.mark.parametrize("n_pixels_at_once", [1, 2**26])
@pytest.mark.parametrize("n_pixels_of_a_group", [0, 2**17, 2**30])
def test_masks_equal_those_found_one_by_one(
    shape, n_pixels_at_once, n_pixels_of_a_group, monkeypatch
):
    monkeypatch.setattr(card_masks, "_PIXELS_AT_ONCE", n_pixels_at_once)
    monkeypatch.setattr(mask_windows, "_PIXELS_OF_A_GROUP", n_pixels_of_a_group)
    geometry, logits = (
        FrameGeometry(shape, 128),
        np.vstack([logits_of(24), cells_of(24)]),
    )
    found = stable_masks_on_card(
        torch.from_numpy(logits), geometry, stability_floor=0.3
    )
    expected = {}
    for i, one in enumerate(logits):
        answer = stable_mask_in_plane(one, geometry)
        if answer is not None and answer[2] >= 0.3:
            expected[i] = answer
    assert 15 < len(expected) < 45
    assert found.which.tolist() == list(expected)
    for k, i in enumerate(found.which.tolist()):
        box, mask, score = expected[i]
        assert tuple(found.boxes[k]) == box
        np.testing.assert_array_equal(found.masks[k], mask)
        assert found.stability[k] == pytest.approx(score)
        assert found.areas[k] == mask.sum()


def test_run_lengths_are_those_of_the_pixels():
    """Also where columns of a mask touch both edges of its box."""
    geometry = FrameGeometry((64, 64), 64)
    ring = np.full((64, 64), -50, np.float32)
    ring[10:40, 20:50] = 50
    ring[20:30, 30:40] = -50
    whole = np.full((64, 64), 50, np.float32)
    comb = np.full((64, 64), -50, np.float32)
    comb[5:60, ::2] = 50
    comb[5:8] = 50
    logits = torch.from_numpy(np.stack([ring, whole, comb]))
    found = stable_masks_on_card(logits, geometry, stability_floor=0.3)
    masks = found.masks
    for k, i in enumerate(found.which.tolist()):
        _, mask, _ = stable_mask_in_plane(logits[i].numpy(), geometry)
        coded = CodedMasks.encode([mask])
        n_before = masks.n_runs[:k].sum()
        counts = masks.counts[n_before : n_before + masks.n_runs[k]]
        assert counts.tolist() == coded.counts.tolist()
    CodedMasks.checked(masks.counts, masks.n_runs, masks.shapes)


def test_nothing_stable_gives_no_masks():
    geometry = FrameGeometry((64, 64), 128)
    logits = torch.full((3, 64, 64), -5.0)
    for given in (logits, logits[:0]):
        found = stable_masks_on_card(given, geometry, stability_floor=0.3)
        assert len(found.masks) == len(found.boxes) == len(found.which) == 0
