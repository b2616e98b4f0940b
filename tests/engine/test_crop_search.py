"""The search in one crop, batch by batch."""

import weakref

import numpy as np
import pytest

from napari_segment_anything.engine.automatic import AutomaticMaskGenerator
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.crop_search import CropSearch
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import SearchedPlane

from .fake_sam import FakeSam

SETTINGS = AutomaticSettings(points_per_side=8, use_proposals=False)


@pytest.fixture
def steps(disks_image):
    plane = (disks_image.labels * 10).astype(np.uint8)
    predictor = MaskPredictor(FakeSam(has_proposals=False), device="cpu")
    generator = AutomaticMaskGenerator(predictor, SETTINGS)
    return generator.steps(SearchedPlane.create(plane, None, (0.0, 255.0)))


def test_logits_are_let_go_of_before_masks_are_upscaled(steps, monkeypatch):
    """Those of a batch fill megabytes, of which each thread would hold on to some."""
    decode, in_plane = CropSearch._decode, CropSearch._in_plane
    decoded, n_alive = [], []

    def decode_and_note(self, *arguments):
        logits, iou = decode(self, *arguments)
        decoded.append(weakref.ref(logits))
        return logits, iou

    def in_plane_of_living(self, *arguments):
        n_alive.append(sum(logits() is not None for logits in decoded))
        return in_plane(self, *arguments)

    monkeypatch.setattr(CropSearch, "_decode", decode_and_note)
    monkeypatch.setattr(CropSearch, "_in_plane", in_plane_of_living)
    list(steps)
    assert len(decoded) == 8
    assert n_alive == [0] * 8
