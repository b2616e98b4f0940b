"""What is asked of torch; and, where there is a card, graphs against single steps."""

import copy
import inspect
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_segment_anything.engine import cuda_graphs
from napari_segment_anything.engine.cuda_graphs import CudaGraphs
from napari_segment_anything.engine.graphed_decoder import GraphedDecoder
from napari_segment_anything.engine.memory import release_memory
from napari_segment_anything.engine.placed_sam import GRAPHS_VARIABLE, PlacedSam
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import build_sam

from .prompt_tensors import REQUESTS, assert_same, image, points

needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="has no card")
SMALL = replace(CONFIGS["tiny"], has_proposal_head=False, decoder_window=0)
# With the decoder of the published models.
PUBLISHED = replace(
    SMALL,
    image_size=1024,
    embedding_stride=16,
    transformer_dim=256,
    transformer_n_heads=8,
    transformer_mlp_dim=2048,
    iou_head_hidden_dim=256,
)


def build(config, dtype=torch.float32):
    torch.manual_seed(0)
    sam = build_sam(config)
    prepare_for_inference(sam, dtype)
    return sam.cuda()


def on_card(tensors):
    return {name: x.cuda() for name, x in tensors.items()}


def ask(decoder, embedding, prompts, multimask=True):
    with torch.inference_mode():
        return decoder.decode(embedding, multimask=multimask, **prompts)


def test_torch_has_what_a_capture_is_given():
    names = inspect.signature(torch.cuda.CUDAGraph.capture_begin).parameters
    assert {"pool", "capture_error_mode"} <= set(names)


class ToldCard:
    """In place of a card: notes what is asked of torch, and on which stream."""

    def __init__(self, monkeypatch):
        self.asked = []
        self.streams = ["caller"]
        card = self

        class Stream:
            def __init__(self, device=None, priority=0):
                self.name = "aside" if priority == 0 else "capture"

            def wait_stream(self, other):
                card.note(f"{self.name} waits for {other.name}")

            def wait_event(self, event):
                card.note(f"{self.name} waits for event")

        class Event:
            def record(self, stream):
                card.note(f"{stream.name} records event")

            def synchronize(self):
                card.note("wait for event")

        class Graph:
            def capture_begin(self, *, pool, capture_error_mode):
                assert (pool, capture_error_mode) == ("pool", "thread_local")
                assert not torch.is_inference_mode_enabled()
                card.note("begin")

            def capture_end(self):
                card.note("end")

            def replay(self):
                card.note("replay")

        caller = Stream()
        caller.name = "caller"

        @contextmanager
        def on(stream):
            card.streams.append(stream.name)
            try:
                yield
            finally:
                card.streams.pop()

        torchs = {
            "Stream": Stream,
            "Event": Event,
            "CUDAGraph": Graph,
            "graph_pool_handle": lambda: "pool",
            "current_stream": lambda device=None: caller,
            "stream": on,
            "device": lambda device: nullcontext(),
            "is_available": lambda: True,
            "empty_cache": lambda: card.note("empty cache"),
        }
        for name, value in torchs.items():
            monkeypatch.setattr(torch.cuda, name, value)
        monkeypatch.setattr(cuda_graphs, "_FAILED", [])

    def note(self, what):
        self.asked.append((what, self.streams[-1]))

    def work(self):
        self.note("work")
        return torch.ones(2), torch.zeros(2)


def test_work_is_warmed_up_aside_and_recorded_on_a_stream_of_its_own(monkeypatch):
    card = ToldCard(monkeypatch)
    graphs = CudaGraphs(torch.device("cuda"))
    with torch.inference_mode():
        replay = graphs.capture(card.work)
    assert card.asked == [
        ("aside waits for caller", "caller"),
        ("work", "aside"),
        ("work", "aside"),
        ("caller waits for aside", "caller"),
        ("empty cache", "caller"),
        ("begin", "capture"),
        ("work", "capture"),
        ("end", "capture"),
    ]
    card.asked.clear()
    with graphs.in_turn():
        first = replay()
        assert all(a is b for a, b in zip(replay(), first, strict=True))
    graphs.wait()
    assert [what for what, _ in card.asked] == [
        "caller waits for event",
        "replay",
        "replay",
        "caller records event",
        "wait for event",
    ]


@pytest.mark.parametrize("n_works", [1, 3])
def test_after_a_failure_nothing_is_captured_in_this_process(monkeypatch, n_works):
    card = ToldCard(monkeypatch)

    def fail_at_last():
        if [what for what, _ in card.asked].count("work") == n_works - 1:
            raise ZeroDivisionError
        return card.work()

    with pytest.raises(ZeroDivisionError):
        CudaGraphs(torch.device("cuda")).capture(fail_at_last)
    assert card.streams == ["caller"]
    asked = [what for what, _ in card.asked]
    assert asked.count("begin") == asked.count("end") == (n_works == 3)
    # A failure while warming up leaves torch as it was.
    other = CudaGraphs(torch.device("cuda"))
    if n_works == 3:
        with pytest.raises(RuntimeError, match="earlier capture failed"):
            other.capture(card.work)
    else:
        other.capture(card.work)


@needs_card
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("config", [SMALL, PUBLISHED], ids=["small", "published"])
def test_graphs_answer_as_the_steps_one_by_one(config, dtype):
    """Also in another order than that of the captures, whose memory they share."""
    sam = build(config, dtype)
    plain, decoder = copy.deepcopy(sam), GraphedDecoder(sam)
    for multimask in (True, False):
        left_out = "points" if multimask else "masks"
        names = [name for name in REQUESTS if name != left_out]
        # Each twice, so that all are captured; then to and fro on other images.
        for seed, name in enumerate(2 * names + names[::-1] + names[::2] + names):
            shown = image(config, seed).cuda()
            prompts = on_card(REQUESTS[name](config, seed=seed))
            found = ask(decoder, shown, prompts, multimask)
            assert_same(found, ask(plain, shown, prompts, multimask))
        assert len(decoder._captured) == 8
        assert not decoder._is_off
        decoder.clear()


@needs_card
def test_graphs_come_and_go():
    sam = build(SMALL)
    plain, decoder = copy.deepcopy(sam), GraphedDecoder(sam)
    for n_points in [*range(1, 9)] * 2 + [9] * 9 + [10] * 9 + [*range(10, 0, -1)] * 3:
        shown = image(SMALL, n_points).cuda()
        prompts = on_card(points(SMALL, 2, n_points, seed=n_points))
        assert_same(ask(decoder, shown, prompts), ask(plain, shown, prompts))
    assert len(decoder._captured) == 8
    assert not decoder._is_off


@needs_card
@pytest.mark.parametrize("own_streams", [True, False])
def test_threads_share_a_decoder_while_another_one_encodes(own_streams):
    sam = build(PUBLISHED, torch.bfloat16)
    encoded = build(SMALL)
    plain, decoder = copy.deepcopy(sam), GraphedDecoder(sam)
    requests = [("point", True), ("grid", True), ("box", False)]
    cases = []
    for seed in range(12):
        name, multimask = requests[seed % 3]
        prompts = on_card(REQUESTS[name](PUBLISHED, seed=seed))
        shown = image(PUBLISHED, seed).cuda()
        cases.append((shown, prompts, multimask))
    expected = [ask(plain, *case) for case in cases]
    torch.cuda.synchronize()
    is_over, begin = threading.Event(), threading.Barrier(3)

    def on_a_stream(work, *arguments):
        stream = torch.cuda.Stream() if own_streams else torch.cuda.current_stream()
        with torch.cuda.stream(stream):
            begin.wait(60)
            return work(*arguments)

    def decode(first):
        for i in range(first, first + 96):
            answer = ask(decoder, *cases[i % 12])
            assert_same(answer, expected[i % 12])

    def encode():
        planes = torch.rand(2, 3, 128, 128).cuda() * 255
        with torch.inference_mode():
            once = encoded.encode(planes)
            while not is_over.is_set():
                again = encoded.encode(planes)
                torch.testing.assert_close(again, once)

    with ThreadPoolExecutor(3) as threads:
        encoding = threads.submit(on_a_stream, encode)
        decoding = [threads.submit(on_a_stream, decode, first) for first in (0, 5)]
        try:
            for done in decoding:
                done.result(120)
        finally:
            is_over.set()
        encoding.result(60)
    assert len(decoder._captured) == 3
    assert not decoder._is_off


@needs_card
def test_a_predictor_answers_the_same_without_graphs(monkeypatch):
    plane = np.random.default_rng(0).integers(0, 255, (128, 100), np.uint8)
    graphed = MaskPredictor(PlacedSam(build(SMALL), torch.device("cuda")))
    monkeypatch.setenv(GRAPHS_VARIABLE, "0")
    plain = MaskPredictor(PlacedSam(build(SMALL), torch.device("cuda")))
    assert plain._placed._graphed is None
    embedding = plain.embed(plane, intensity_range=(0, 255))
    for y in range(10, 100, 10):
        asked = Prompts.from_points([[y, 50]], [1])
        found, expected = (x.predict(embedding, asked) for x in (graphed, plain))
        np.testing.assert_array_equal(found.low_res_masks, expected.low_res_masks)
        np.testing.assert_array_equal(found.iou_predictions, expected.iou_predictions)
        np.testing.assert_array_equal(found.masks, expected.masks)
    assert len(graphed._placed._graphed._captured) == 1


@needs_card
def test_a_graph_runs_on_the_stream_of_its_caller():
    graphs = CudaGraphs(torch.device("cuda", torch.cuda.current_device()))
    given = torch.zeros(1 << 20, device="cuda")
    replay = graphs.capture(lambda: (given * 2, given + 1))
    first = torch.cuda.Stream()
    kept = []
    for i, stream in enumerate([first, torch.cuda.Stream()] * 20):
        with torch.cuda.stream(stream), graphs.in_turn():
            given.fill_(i)
            kept.append([x.clone() for x in replay()])
    graphs.wait()
    torch.cuda.synchronize()
    for i, (twice, more) in enumerate(kept):
        assert twice.eq(2 * i).all()
        assert more.eq(i + 1).all()


@needs_card
def test_what_cannot_be_captured_is_done_step_by_step(monkeypatch, caplog):
    sam = build(SMALL)
    plain = copy.deepcopy(sam)
    decode = type(sam).decode

    def decode_and_look(self, *arguments, **options):
        logits, iou = decode(self, *arguments, **options)
        assert iou.sum().item() < 1e6  # waits for the card
        return logits, iou

    monkeypatch.setattr(type(sam), "decode", decode_and_look)
    decoder = GraphedDecoder(sam)
    shown, prompts = image(SMALL, 1).cuda(), on_card(points(SMALL))
    stream = torch.cuda.current_stream()
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            answer = ask(decoder, shown, prompts)
            assert torch.cuda.current_stream() == stream
    assert len(caplog.records) == 1
    monkeypatch.undo()
    assert_same(answer, ask(plain, shown, prompts))
    release_memory(shown.device)
    # Nothing is captured any more, so this is the last test here.
    other = GraphedDecoder(sam)
    for _ in range(3):
        assert_same(ask(other, shown, prompts), answer)
    assert other._is_off
