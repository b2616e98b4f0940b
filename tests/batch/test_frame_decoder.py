from dataclasses import replace

import numpy as np
import pytest

from bright_sam import bright_predictor
from napari_segment_anything.batch.frame_decoder import FrameDecoder
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

BOXES = {"whole": (96, 120), "tiled": (96, 500)}


def decoder_of(labels, **changes):
    stack = Stack((100 + 2000 * (labels > 0)).astype(np.uint16), "TYX")
    predictor = StoredPredictor(bright_predictor(), MemoryEmbeddingStore())
    settings = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), **changes)
    indices = [(t,) for t in range(len(labels))]
    return FrameDecoder(stack, indices, predictor, settings, (100, 2100))


@pytest.fixture(params=BOXES)
def labels(request):
    height, width = BOXES[request.param]
    labels = np.zeros((2, height, width), np.int32)
    labels[1, 10:30, 10:34] = 1
    labels[1, 60:80, width - 40 : width - 20] = 2
    return labels


def test_alternatives_come_in_the_order_of_the_prompts(labels):
    width = labels.shape[2]
    right, nothing, left = (
        [58, width - 42, 82, width - 18],
        [40, 40, 48, 48],
        [8, 8, 31, 35],
    )
    answers = decoder_of(labels).predict(1, Prompts.from_boxes([right, nothing, left]))
    assert len(answers) == 9
    for first, truth in ((0, 2), (6, 1)):
        for i in range(first, first + 3):
            expected = labels[1] == truth
            found = answers.full_mask(i)
            shared = np.count_nonzero(found & expected)
            assert shared > 0.8 * np.count_nonzero(found | expected)
    scores = answers.predicted_iou[:3]
    np.testing.assert_allclose(np.diff(scores), [-0.025, -0.025], atol=1e-6)
    assert answers.areas[3:6].tolist() == [0, 0, 0]
    assert answers.predicted_iou[3:6].tolist() == [0, 0, 0]


def test_points_of_other_tiles_are_left_out(labels):
    width = labels.shape[2]
    prompts = Prompts(
        points=np.array([[[20, 20], [70, width - 30]]]),
        point_labels=np.array([[1, 0]]),
        boxes=np.array([[8, 8, 31, 35]]),
    )
    answers = decoder_of(labels).predict(1, prompts)
    expected = labels[1] == 1
    assert np.count_nonzero(answers.full_mask(0) ^ expected) < 0.1 * expected.sum()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Half of it is how sure the proposal head is of an object inside, which is 1.
        ({"proposal_weight": 0.5}, [0.975, 0.95, 0.925]),
        ({"proposal_weight": 0.0}, [0.95, 0.9, 0.85]),
        ({"use_proposals": False}, [0.95, 0.9, 0.85]),
    ],
)
def test_answers_are_scored_as_the_masks_of_everything_mode(labels, changes, expected):
    decoder = decoder_of(labels, **changes)
    answers = decoder.predict(1, Prompts.from_boxes([[8, 8, 31, 35]]))
    np.testing.assert_allclose(answers.predicted_iou, expected, atol=1e-3)
