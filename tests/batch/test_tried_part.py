from dataclasses import replace

import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.estimate import estimate_job
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.tried_part import tried_part
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.working_scale import SEARCHED_DIAMETER
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

LIMITS = (0.0, 1.0)


@pytest.fixture
def predictor():
    return StoredPredictor(bright_predictor(), MemoryEmbeddingStore())


def settings(**changes):
    defaults = AutomaticSettings.for_model(CONFIGS["tiny"])
    return replace(defaults, **{"object_diameter": SEARCHED_DIAMETER, **changes})


def test_a_plane_of_many_tiles_is_tried_in_its_middle(predictor):
    side = predictor.frame_size
    stack = Stack(np.zeros((2, 12 * side, 10 * side), np.uint8), "TYX")
    part, tried, factor = tried_part(stack, (1,), predictor, settings(), LIMITS)
    assert part.plane_shape == (4 * side, 4 * side)
    assert part.translate == {"Y": 4 * side, "X": 3 * side}
    assert part.n_planes == 2
    assert tried.object_diameter == SEARCHED_DIAMETER
    assert factor == pytest.approx(12 * 10 / 16)


@pytest.mark.parametrize("change", [{"tile": False}, {"object_diameter": 2000.0}, {}])
def test_other_planes_are_tried_as_a_whole(predictor, change):
    n_tiles = 12 if change else 4
    side = n_tiles * predictor.frame_size
    stack = Stack(np.zeros((side, side), np.uint8), "YX")
    chosen = settings(**change)
    assert tried_part(stack, (), predictor, chosen, LIMITS) == (stack, chosen, 1.0)


def test_the_whole_is_told_from_the_part():
    predictor = bright_predictor()
    side = 12 * predictor.frame_size
    y, x = np.indices((side, side), np.uint16)
    # No tile equals another, which would be encoded once only; nothing is bright.
    stack = Stack(3 * y + x, "YX")
    estimate = run(estimate_job(stack, predictor, settings(), (0.0, 1e6)))
    n_tried = predictor._sam.n_encoded
    assert 16 <= n_tried <= 2 * 36
    assert estimate.bytes_read == 2 * side**2
    # Nine times as much as the part has.
    assert estimate.bytes_written["labels"] == int(4 * side**2 * 4 / 3)
    assert estimate.bytes_written["embeddings"] > 0
    assert estimate.seconds == estimate.seconds_per_plane
