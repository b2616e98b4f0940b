"""Answers of one window, in pixels of its plane."""

import numpy as np

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
