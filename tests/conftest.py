"""Fixtures that several rooms share."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

# Expected values do not depend on the machine; tests of precision set it themselves.
os.environ["NAPARI_SEGMENT_ANYTHING_PRECISION"] = "float32"


@dataclass(frozen=True)
class DisksImage:
    """A plane with bright disks on a dark ground, and which pixel is which disk."""

    image: np.ndarray
    labels: np.ndarray
    centres: np.ndarray

    @property
    def n_disks(self):
        return len(self.centres)


@pytest.fixture(scope="session")
def tiny_predictor():
    """Predictor with a network of a few thousand random weights, on the CPU."""
    torch = pytest.importorskip("torch")
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.networks.config import CONFIGS
    from napari_segment_anything.networks.sam import build_sam

    with torch.random.fork_rng():
        torch.manual_seed(0)
        sam = build_sam(CONFIGS["tiny"])
    return MaskPredictor(sam, device="cpu", model_digest="0" * 64, model_name="tiny")


@pytest.fixture(scope="session")
def disks_image():
    """Six disks of different sizes that do not touch, uint16, 96 × 128 pixels."""
    centres = np.array([[20, 20], [20, 60], [24, 104], [70, 24], [68, 66], [72, 108]])
    radii = (8, 10, 12, 9, 14, 7)
    labels = np.zeros((96, 128), dtype=np.int32)
    y, x = np.indices(labels.shape)
    for number, ((cy, cx), radius) in enumerate(
        zip(centres, radii, strict=True), start=1
    ):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    noise = np.random.default_rng(0).normal(0, 20, labels.shape)
    image = (200 + 1500 * (labels > 0) + noise).clip(0).astype(np.uint16)
    return DisksImage(image=image, labels=labels, centres=centres)


@pytest.fixture(scope="session")
def shared_data():
    """Folder with real images beside the repository; the test skips without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}")
    return folder
