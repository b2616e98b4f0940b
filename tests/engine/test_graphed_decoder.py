"""Which requests are captured, and that graphs answer as the steps one by one do."""

import copy
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import torch

from napari_segment_anything.engine import graphed_decoder
from napari_segment_anything.engine.graphed_decoder import GraphedDecoder
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.mask_decoder import MaskDecoder
from napari_segment_anything.networks.sam import build_sam

from . import prompt_tensors
from .prompt_tensors import REQUESTS, assert_same
from .rerun_graphs import Maker

CONFIG = replace(CONFIGS["tiny"], has_proposal_head=False, decoder_window=0)


@pytest.fixture
def sam():
    torch.manual_seed(0)
    sam = build_sam(CONFIG)
    prepare_for_inference(sam)
    return sam


@pytest.fixture
def maker():
    return Maker()


@pytest.fixture
def decoder(sam, maker):
    return GraphedDecoder(sam, maker)


def image(seed):
    return prompt_tensors.image(CONFIG, seed)


points = partial(prompt_tensors.points, CONFIG)
boxes = partial(prompt_tensors.boxes, CONFIG)
masks = partial(prompt_tensors.masks, CONFIG)


def ask(decoder, embedding, prompts, multimask=True):
    with torch.inference_mode():
        return decoder.decode(embedding, multimask=multimask, **prompts)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("name", REQUESTS)
def test_the_second_request_is_captured_and_later_ones_replayed(
    sam, decoder, maker, name, multimask
):
    plain = copy.deepcopy(sam)
    for seed, n_captured, n_replayed in ((1, 0, 0), (2, 1, 1), (3, 1, 2), (4, 1, 3)):
        prompts = REQUESTS[name](CONFIG, seed=seed)
        found = ask(decoder, image(seed), prompts, multimask)
        assert (maker.n_captured, maker.n_replayed) == (n_captured, n_replayed)
        with torch.inference_mode():
            expected = plain.decode(image(seed), multimask=multimask, **prompts)
        assert_same(found, expected)


def test_an_image_that_was_decoded_step_by_step_before_is_no_part_of_the_graph(
    sam, decoder
):
    shown = image(1)
    with torch.inference_mode():
        sam.decode(shown, **points())  # what it kept of this image
        expected = [copy.deepcopy(sam).decode(image(i), **points()) for i in (1, 2, 3)]
    for _ in range(2):
        assert_same(ask(decoder, shown, points()), expected[0])
    for i in (2, 3):
        assert_same(ask(decoder, image(i), points()), expected[i - 1])
    # The same tensor with another image in it.
    assert_same(ask(decoder, shown.copy_(image(3)), points()), expected[2])


def test_answers_stay_when_the_next_prompt_is_answered(decoder):
    answers, before = [], []
    for seed in range(5):
        answers.append(ask(decoder, image(seed), points(seed=seed)))
        before.append([x.clone() for x in answers[-1]])
    for found, expected in zip(answers, before, strict=True):
        assert_same(found, expected)
    assert not torch.equal(answers[3][0], answers[4][0])


def test_what_was_given_is_left_as_it_is(decoder):
    shown, prompts = image(1), points(2, 3) | masks(2)
    before = copy.deepcopy((shown, prompts))
    for _ in range(3):
        ask(decoder, shown, prompts)
    torch.testing.assert_close((shown, prompts), before, rtol=0, atol=0)


def test_each_shape_type_and_option_has_a_graph_of_its_own(sam, decoder, maker):
    asked = [
        (points(1), True),
        (points(1), False),
        (points(2), True),
        (points(1, 2), True),
        (points(1) | boxes(1), True),
        (points(1) | {"point_labels": torch.ones(1, 1, dtype=torch.int32)}, True),
    ]
    for _ in range(3):
        for prompts, multimask in asked:
            ask(decoder, image(1), prompts, multimask)
    assert maker.n_captured == len(asked)
    assert maker.n_replayed == 2 * len(asked)
    sam.mask_decoder.image_dtype = torch.bfloat16
    half = ask(decoder, image(1), points(1))
    ask(decoder, image(1), points(1))
    assert maker.n_captured == len(asked) + 1
    assert_same(ask(decoder, image(1), points(1)), half)


def test_few_graphs_are_kept_and_a_new_shape_has_to_come_often(decoder, maker):
    def ask_with(n_points, times):
        for _ in range(times):
            ask(decoder, image(1), points(1, n_points))

    for n_points in range(1, 9):
        ask_with(n_points, 2)
    assert maker.n_captured == 8
    ask_with(1, 1)  # so that two points came last longest ago
    ask_with(9, 7)
    assert maker.n_captured == 8
    ask_with(9, 1)
    assert maker.n_captured == 9
    n_replayed = maker.n_replayed
    for n_points in (1, *range(3, 10)):
        ask_with(n_points, 1)
    assert maker.n_replayed == n_replayed + 8
    ask_with(2, 1)
    assert maker.n_replayed == n_replayed + 8
    (graphs,) = maker.made
    assert graphs.n_waited == 1


def test_shapes_that_come_once_leave_nothing(decoder, maker):
    for n_points in range(1, 100):
        ask(decoder, image(1), points(1, n_points))
    assert maker.made == []
    assert len(decoder._n_asked) == graphed_decoder._N_COUNTED


def test_more_prompts_than_everything_mode_asks_at_once_are_not_captured(
    decoder, maker
):
    for _ in range(3):
        ask(decoder, image(1), points(65))
    assert maker.made == []
    for _ in range(2):
        ask(decoder, image(1), points(64))
    assert maker.n_captured == 1


def test_nothing_is_captured_where_gradients_might_be_wanted(decoder, maker):
    for _ in range(3):
        logits, _ = decoder.decode(image(1), **points())
    assert maker.made == []
    assert not logits.is_inference()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("operation not permitted when stream is capturing"),
        torch.cuda.OutOfMemoryError("CUDA out of memory."),
        AttributeError("module 'torch.cuda' has no attribute 'graph'"),
    ],
)
def test_a_capture_that_fails_is_said_once_and_never_tried_again(sam, caplog, error):
    maker = Maker(error)
    decoder = GraphedDecoder(sam, maker)
    with torch.inference_mode():
        expected = copy.deepcopy(sam).decode(image(1), **points())
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert_same(ask(decoder, image(1), points()), expected)
            ask(decoder, image(1), boxes())
    (record,) = caplog.records
    assert "step by step" in record.message
    assert str(error) in record.message
    assert len(maker.made) == 1


def test_a_device_that_cannot_capture_at_all_is_no_error(sam, caplog):
    def fail(device):
        raise RuntimeError("CUDA driver version is insufficient")

    decoder = GraphedDecoder(sam, fail)
    for _ in range(3):
        ask(decoder, image(1), points())
    assert len(caplog.records) == 1


def test_weights_that_change_in_place_count_at_once(sam, decoder, maker):
    for _ in range(2):
        before = ask(decoder, image(1), points())
    with torch.no_grad():
        for weight in sam.mask_decoder.parameters():
            weight.mul_(1.1)
    after = ask(decoder, image(1), points())
    assert maker.n_replayed == 2
    with torch.inference_mode():
        expected = copy.deepcopy(sam).decode(image(1), **points())
    assert_same(after, expected)
    assert not torch.equal(after[0], before[0])


@pytest.mark.parametrize("what", ["decoder", "layer", "weight", "grid"])
def test_weights_in_another_place_drop_all_graphs(sam, decoder, maker, what):
    for _ in range(2):
        ask(decoder, image(1), points())
        ask(decoder, image(1), boxes())
    other = copy.deepcopy(sam)
    with torch.no_grad():
        for weight in other.parameters():
            weight.mul_(1.1)
    mlp = sam.mask_decoder.transformer.blocks[0].mlp
    if what == "decoder":
        assert isinstance(other.mask_decoder, MaskDecoder)
        sam.mask_decoder = other.mask_decoder
    elif what == "layer":
        mlp.lin1 = other.mask_decoder.transformer.blocks[0].mlp.lin1
    elif what == "weight":
        mlp.lin1.weight.data = mlp.lin1.weight.data * 1.1
    else:
        sam.prompt_encoder.fixed_grid = sam.prompt_encoder.fixed_grid * 1.1
    with torch.inference_mode():
        expected = copy.deepcopy(sam).decode(image(1), **points())
    for n_captured in (2, 3, 3):
        assert_same(ask(decoder, image(1), points()), expected)
        assert maker.n_captured == n_captured
    assert len(maker.made) == 2
    assert maker.made[0].n_waited == 1


def test_after_clearing_all_begins_anew(decoder, maker):
    for _ in range(3):
        ask(decoder, image(1), points())
    decoder.clear()
    assert maker.made[0].n_waited == 1
    ask(decoder, image(1), points())
    assert maker.n_captured == 1
    ask(decoder, image(1), points())
    # In memory of its own: what torch gave up cannot be used again.
    assert [graphs.n_captured for graphs in maker.made] == [1, 1]


def test_threads_share_a_decoder(sam, maker):
    decoder = GraphedDecoder(sam, maker)
    plain = copy.deepcopy(sam)
    begin = threading.Barrier(4)

    def work(thread):
        begin.wait(30)
        for i in range(25):
            seed = 100 * thread + i
            prompts = points(1 + i % 3, seed=seed) if i % 2 else boxes(seed=seed)
            found = ask(decoder, image(seed), prompts)
            with torch.inference_mode():
                expected = plain.decode(image(seed), **prompts)
            assert_same(found, expected)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, i) for i in range(4)]:
            done.result(60)
    assert maker.n_captured == 4
    assert maker.n_replayed > 80
