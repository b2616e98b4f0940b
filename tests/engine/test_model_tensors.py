"""Planes as tensors for the networks."""

import numpy as np
import pytest
import torch

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.model_tensors import frame_images, send

GEOMETRY = FrameGeometry((20, 30), 60)


@pytest.mark.parametrize("n_grey", [0, 1, 2])
def test_grey_planes_are_copied_and_sent_once_and_shown_in_three_channels(n_grey):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (20, 30), np.uint8)
    colours = rng.integers(0, 256, (20, 30, 3), np.uint8)
    planes = [grey] * n_grey + [colours] * (2 - n_grey)
    images = frame_images(planes, [(0, 255)] * 2, GEOMETRY)
    assert images.shape == (2, 1 if n_grey == 2 else 3, 40, 60)
    shown = send(images, torch.device("cpu"))
    assert shown.shape == (2, 3, 40, 60)
    assert shown.is_contiguous()
    for plane, image in zip(planes, shown, strict=True):
        three = plane if plane.ndim == 3 else np.stack([plane] * 3, -1)
        expected = frame_images([three], [(0, 255)], GEOMETRY)[0]
        torch.testing.assert_close(image, expected, rtol=0, atol=0)
