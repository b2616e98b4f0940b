"""Which logits a correction is given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_segment_anything.engine.corrections import Corrections
from napari_segment_anything.engine.prompts import INSIDE, OUTSIDE, Prompts


class Embedding:
    """What logits are remembered for."""


class Echo:
    """Answers with logits that name the number of points and the mask given before."""

    has_proposals = False

    def __init__(self):
        self.asked = []

    def decode(self, embedding, prompts, multimask=True):
        n_points = 0 if prompts.points is None else prompts.points.shape[1]
        before = 0.0 if prompts.masks is None else float(prompts.masks[0, 0, 0])
        self.asked.append((n_points, before, multimask))
        n_masks = 3 if multimask else 1
        value = 10 * before + n_points + 0.25
        logits = torch.full((1, n_masks, 4, 4), value)
        logits[:, 1:] += 0.5
        return logits, torch.tensor([[0.5, 0.9, 0.7][:n_masks]])


def clicks(*labels, box=None):
    n = len(labels)
    points = np.stack([np.arange(n), np.arange(n)], axis=1)
    return Prompts.one(points=points, labels=np.array(labels), box=box)


def test_each_click_gets_the_raw_logits_before_it():
    echo, embedding = Echo(), Embedding()
    corrections = Corrections(echo)
    prompts = corrections.with_logits(embedding, clicks(INSIDE, OUTSIDE, INSIDE), 3)
    # The first click is ambiguous, and the surest of its three masks goes on.
    assert echo.asked == [(1, 0.0, True), (2, 1.75, False)]
    assert prompts.masks.shape == (1, 4, 4)
    assert prompts.masks[0, 0, 0] == pytest.approx(17.5 + 2.25)


def test_a_model_with_proposals_is_asked_both_ways():
    class Both(Echo):
        """Surer of what it makes of the clicks alone."""

        has_proposals = True

        def decode(self, embedding, prompts, multimask=True):
            logits, iou = super().decode(embedding, prompts, multimask)
            return logits, iou - (0.3 if prompts.masks is not None else 0)

    both, embedding = Both(), Embedding()
    prompts = clicks(INSIDE, OUTSIDE, INSIDE)
    logits, iou = Corrections(both).decode(embedding, prompts, False, 3)
    # Of two clicks 19.75 from the logits, which counts as 6, and 2.25 alone.
    mean = (6 + 2.25) / 2
    assert both.asked == [
        (1, 0.0, True),
        (2, 1.75, False),
        (2, 0.0, False),
        (3, mean, False),
        (3, 0.0, False),
    ]
    assert float(logits[0, 0, 0, 0]) == (6 + 3.25) / 2
    # It is as sure as the surer of both.
    assert float(iou[0, 0]) == 0.5


def test_a_mask_that_is_given_is_asked_once_and_as_it_is():
    class WithProposals(Echo):
        has_proposals = True

    echo = WithProposals()
    masks = np.full((1, 4, 4), 2.0, np.float32)
    prompts = replace(clicks(INSIDE), masks=masks)
    logits, _ = Corrections(echo).decode(Embedding(), prompts, False, 0)
    assert echo.asked == [(1, 2.0, False)]
    assert float(logits[0, 0, 0, 0]) == 21.25


def test_the_answer_to_a_click_is_where_the_next_one_starts():
    echo, embedding = Echo(), Embedding()
    corrections = Corrections(echo)
    labels = [INSIDE, OUTSIDE, INSIDE]
    for n in (1, 2, 3):
        # Alternatives are asked for at the first click alone.
        corrections.decode(embedding, clicks(*labels[:n]), n == 1, n)
    assert echo.asked == [(1, 0.0, True), (2, 1.75, False), (3, 19.75, False)]
    at_once = Echo()
    Corrections(at_once).decode(Embedding(), clicks(*labels), False, 3)
    assert at_once.asked == echo.asked


def test_another_number_of_alternatives_is_no_start():
    echo, embedding = Echo(), Embedding()
    corrections = Corrections(echo)
    corrections.decode(embedding, clicks(INSIDE), False, 1)
    corrections.decode(embedding, clicks(INSIDE, OUTSIDE), False, 2)
    assert echo.asked == [(1, 0.0, False), (1, 0.0, True), (2, 1.75, False)]


def test_one_more_click_asks_once_more():
    echo, embedding = Echo(), Embedding()
    corrections = Corrections(echo)
    first = corrections.with_logits(embedding, clicks(INSIDE, OUTSIDE), 2)
    n_asked = len(echo.asked)
    corrections.with_logits(embedding, clicks(INSIDE, OUTSIDE, INSIDE), 3)
    assert len(echo.asked) == n_asked + 1
    # What is remembered is what would be computed anew.
    again = Corrections(Echo()).with_logits(embedding, clicks(INSIDE, OUTSIDE), 2)
    np.testing.assert_array_equal(first.masks, again.masks)


def test_another_embedding_knows_nothing_of_it():
    echo = Echo()
    corrections = Corrections(echo)
    here, there = Embedding(), Embedding()
    corrections.with_logits(here, clicks(INSIDE, OUTSIDE), 2)
    corrections.with_logits(there, clicks(INSIDE, OUTSIDE), 2)
    assert len(echo.asked) == 2


def test_a_single_click_and_clicks_without_an_object_before_get_nothing():
    echo = Echo()
    corrections = Corrections(echo)
    for prompts in (clicks(INSIDE), clicks(OUTSIDE, INSIDE)):
        n_clicks = prompts.points.shape[1]
        assert corrections.with_logits(Embedding(), prompts, n_clicks).masks is None
    assert echo.asked == []


def test_a_box_is_the_first_answer():
    echo = Echo()
    prompts = clicks(OUTSIDE, INSIDE, box=[0, 0, 3, 3])
    Corrections(echo).with_logits(Embedding(), prompts, 2)
    assert echo.asked == [(0, 0.0, False), (1, 0.25, False)]


def test_points_that_are_no_clicks_are_there_from_the_beginning():
    echo = Echo()
    Corrections(echo).with_logits(Embedding(), clicks(INSIDE, INSIDE, OUTSIDE), 2)
    assert echo.asked == [(2, 0.0, True)]


def test_points_of_a_shape_name_an_object_before_any_click():
    echo = Echo()
    prompts = clicks(OUTSIDE, INSIDE, INSIDE)
    Corrections(echo).with_logits(Embedding(), prompts, 1)
    assert echo.asked == [(2, 0.0, False)]
    assert Corrections(echo).with_logits(Embedding(), prompts, 0).masks is None
    assert len(echo.asked) == 1


def test_only_so_many_answers_are_remembered():
    echo, embedding = Echo(), Embedding()
    corrections = Corrections(echo, n_kept=2)
    for _ in range(2):
        corrections.with_logits(embedding, clicks(*[INSIDE] * 6), 6)
    assert len(echo.asked) == 10
