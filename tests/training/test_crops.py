"""Which crops of planes have their intensities changed."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

pytest.importorskip("skimage")
from training.crops import cut_crop
from training.samples import sample_batches
from training.settings import TrainingSettings


@pytest.fixture
def plane(planes):
    """Objects at 200 on a ground of 50."""
    image = np.where(planes[0].labels > 0, np.uint8(200), np.uint8(50))
    return replace(planes[0], image=np.stack([image] * 3, -1))


def n_changed(crops):
    """Of unchanged ones only pixels at borders, or outside, have other values."""
    return sum(bool(((x == 50) | (x == 200)).float().mean() < 0.5) for x in crops)


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0, 0, 0), (0.5, 4, 16), (1, 16, 20)]
)
def test_so_many_crops_have_their_intensities_changed(plane, share, least, most):
    generator = np.random.default_rng(0)
    crops = [cut_crop(plane, generator, changed_share=share).image for _ in range(20)]
    assert least <= n_changed(crops) <= most


def test_the_share_may_change_while_crops_are_cut(plane):
    share = torch.ones(())
    batches = sample_batches([plane], np.ones(1), (0,), 4, changed_share=share)
    before = [next(batches).images for _ in range(3)]
    share.fill_(0)
    after = [batch.images for batch in islice(batches, 3)]
    assert n_changed(torch.cat(before)) >= 8
    assert n_changed(torch.cat(after)) == 0


@pytest.mark.parametrize(
    ("over", "expected"), [(0, 1), (0.5, 1), (0.75, 0.65), (1, 0.3)]
)
def test_it_falls_in_the_second_half_of_a_run(over, expected):
    assert TrainingSettings().changed_share(over) == pytest.approx(expected)


def test_without_fading_all_are_changed_to_the_end():
    assert TrainingSettings(fade_share=0).changed_share(1) == 1
