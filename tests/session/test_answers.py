import numpy as np
import pytest
import torch
from torch.nn import functional

from bright_sam import bright_predictor
from napari_segment_anything.session.answers import (
    AnswerSettings,
    MaskSize,
    SizedResponse,
    answer_with,
)
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.session.requests import MaskRequest, answer
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore


@pytest.fixture
def predictor(monkeypatch):
    """Sees a part, the disk, and all around it; it is surest of the disk."""
    predictor = bright_predictor()
    decode = predictor._sam.decode

    def decode_sizes(*args, **kwargs):
        logits, iou = decode(*args, **kwargs)
        if logits.shape[1] == 3 and iou[0].any():
            logits = logits.clone()
            logits[:, 0] = -functional.max_pool2d(-logits[:, 0], 5, 1, 2)
            logits[:, 2] = functional.max_pool2d(logits[:, 2], 5, 1, 2)
            iou = torch.tensor([[0.7, 0.95, 0.9]] * len(iou))
        return logits, iou

    monkeypatch.setattr(predictor._sam, "decode", decode_sizes)
    return predictor


@pytest.mark.parametrize("size", list(MaskSize))
def test_a_click_has_a_mask_and_two_of_other_sizes(size, predictor, disks_image):
    source, store = PlaneSource(disks_image.image, "YX"), MemoryEmbeddingStore()
    prompts = PlanePrompts(np.array([disks_image.centres[4]]), np.array([True]))
    request = MaskRequest(1, source, PlaneId(), prompts)
    response = answer_with(request, predictor, store, AnswerSettings(size))
    assert isinstance(response, SizedResponse)
    assert response.iou_by_size == pytest.approx((0.7, 0.95, 0.9))
    (area,), others = response.masks.areas, sorted(response.other_sizes.areas)
    rank = {"small": 0, "medium": 1, "large": 2, "best": 1}[size]
    areas = sorted([area, *others])
    assert areas.index(area) == rank
    assert len(set(areas)) == 3
    if size == MaskSize.BEST:
        (alone,) = answer(request, predictor, store).masks.masks
        np.testing.assert_array_equal(alone, response.masks.masks[0])


def test_two_clicks_are_not_ambiguous(predictor, disks_image):
    source, store = PlaneSource(disks_image.image, "YX"), MemoryEmbeddingStore()
    points = np.array([disks_image.centres[4], disks_image.centres[4] + 2.0])
    prompts = PlanePrompts(points, np.ones(2, bool))
    response = answer_with(MaskRequest(1, source, PlaneId(), prompts), predictor, store)
    assert not isinstance(response, SizedResponse)
