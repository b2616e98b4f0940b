"""Answers of one window, in pixels of its plane."""

import numpy as np
import pytest

from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.window_decoder import Question, WindowDecoder

from .test_automatic import FULL_RANGE, image_of, predictor_of


def test_a_window_answers_in_pixels_of_the_plane():
    labels = np.zeros((200, 330), np.int32)
    labels[40:60, 100:130] = 1
    labels[120:150, 210:240] = 2
    predictor, _ = predictor_of()
    window = (80, 180, 180, 280)
    part = image_of(labels)[80:180, 180:280]
    embedding = predictor.embed(part, intensity_range=FULL_RANGE)
    points = np.array([[[50.0, 110.0]], [[135.0, 225.0]]], np.float32)
    both = Question(Prompts(points, np.ones((2, 1), np.int64)), multimask=True)
    decoder = WindowDecoder(predictor, proposal_weight=0.0)
    (alternatives,) = decoder.answers(
        both.select(np.array([1])), embedding, window, is_whole=False
    )
    box, mask, predicted_iou, _ = alternatives[0]
    np.testing.assert_allclose(box, (120, 210, 150, 240), atol=2)
    assert mask.shape == (box[2] - box[0], box[3] - box[1])
    assert predicted_iou == np.float32(0.95)
    # The fake's third alternative is empty.
    assert alternatives[2][0] == (0, 0, 0, 0)
    assert alternatives[2][2] == 0


@pytest.mark.parametrize(
    ("points", "inside", "expected"),
    [
        ([(50, 110)], [1], True),
        ([(90, 300)], [1], False),  # ground
        ([(90, 300), (50, 110)], [1, 1], True),
        ([(90, 300), (50, 110)], [1, 0], False),  # not that object
    ],
)
def test_objects_are_seen_at_points_inside_alone(points, inside, expected):
    labels = np.zeros((200, 330), np.int32)
    labels[40:60, 100:130] = 1
    predictor, _ = predictor_of()
    window = (20, 80, 120, 330)
    part = image_of(labels)[20:120, 80:330]
    embedding = predictor.embed(part, intensity_range=FULL_RANGE)
    decoder = WindowDecoder(predictor, proposal_weight=0.0)
    prompts = Prompts(np.array([points], np.float32), np.array([inside]))
    assert decoder.sees(prompts, embedding, window) is expected


def test_what_cannot_be_told_may_be_an_object():
    labels = np.zeros((200, 330), np.int32)
    prompts = Prompts(np.array([[(9, 9)]], np.float32), np.ones((1, 1), np.int64))
    whole = (0, 0, 200, 330)
    predictor, _ = predictor_of()
    assert WindowDecoder(predictor, 0.0).sees(prompts, None, whole)
    headless, _ = predictor_of(has_proposals=False)
    embedding = headless.embed(image_of(labels), intensity_range=FULL_RANGE)
    assert WindowDecoder(headless, 0.0).sees(prompts, embedding, whole)
