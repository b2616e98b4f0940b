"""What is done when memory runs out, with a card that is only told to be one."""

import copy
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_segment_anything.engine import placed_sam
from napari_segment_anything.engine.graphed_decoder import GraphedDecoder
from napari_segment_anything.engine.memory import OutOfDeviceMemoryError
from napari_segment_anything.engine.placed_sam import PlacedSam
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import Sam

from .rerun_graphs import Maker

CARD = torch.device("cuda")
pytestmark = pytest.mark.filterwarnings("ignore:.*ran out of memory:UserWarning")


class SamOnCard(Sam):
    """Stays where it is, and remembers where it was sent."""

    place = "cpu"

    def to(self, device):
        self.place = torch.device(device).type
        return self


@pytest.fixture
def sam():
    torch.manual_seed(0)
    sam = SamOnCard(CONFIGS["tiny"]).eval()
    prepare_for_inference(sam)
    return sam


@pytest.fixture
def images():
    return torch.rand(5, 3, 128, 128, generator=torch.Generator().manual_seed(1)) * 255


@pytest.fixture(autouse=True)
def _named_card(monkeypatch):
    monkeypatch.setattr(placed_sam, "describe_device", lambda device: f"a {device}")
    monkeypatch.setattr(
        "napari_segment_anything.engine.memory.describe_device", lambda d: f"a {d}"
    )


def encoding(sam, images, fits):
    """Encode what fits; ``fits`` says how many images, by place and precision."""
    sizes = []

    def work(part):
        half = sam.mask_decoder.image_dtype == torch.bfloat16
        n = len(images[part])
        sizes.append((sam.place, "half" if half else "single", n))
        if n > fits[sizes[-1][:2]]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return sam.encode(images[part])

    return work, sizes


def test_fewer_at_once_with_the_same_result(sam, images):
    expected = sam.encode(images)
    placed = PlacedSam(sam, CARD)
    work, sizes = encoding(sam, images, {("cuda", "single"): 2})
    message = "a cuda ran out of memory with 5 planes at once; going on with 2 at once"
    with pytest.warns(UserWarning, match=message):
        found = torch.cat(placed.run(work, 5, "planes"))
    torch.testing.assert_close(found, expected)
    assert [n for *_, n in sizes] == [5, 2, 2, 1]
    # What was learned is not learned again.
    placed.run(work, 5, "planes")
    assert [n for *_, n in sizes[4:]] == [2, 2, 1]


def test_then_half_precision(sam, images):
    expected = sam.encode(images)
    placed = PlacedSam(sam, CARD)
    fits = {("cuda", "single"): 0, ("cuda", "half"): 3}
    work, sizes = encoding(sam, images, fits)
    with pytest.warns(UserWarning, match="in half precision"):
        found = torch.cat(placed.run(work, 5, "planes"))
    assert [size[1:] for size in sizes] == [
        ("single", 5),
        ("single", 2),
        ("single", 1),
        ("half", 5),
        ("half", 2),
        ("half", 2),
        ("half", 1),
    ]
    assert found.dtype == torch.float32
    assert 0 < (found - expected).norm() < 0.03 * expected.norm()


def test_then_the_cpu_in_the_precision_that_there_was(sam, images):
    expected = sam.encode(images)
    placed = PlacedSam(sam, CARD)
    fits = {("cuda", "single"): 0, ("cuda", "half"): 0, ("cpu", "single"): 9}
    work, sizes = encoding(sam, images, fits)
    with pytest.warns(UserWarning, match="on the CPU, many times slower"):
        found = torch.cat(placed.run(work, 5, "planes"))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert placed.device.type == sam.place == "cpu"
    assert sizes[-1] == ("cpu", "single", 5)


def test_a_model_in_half_precision_moves_to_the_cpu_as_it_is(sam, images):
    prepare_for_inference(sam, torch.bfloat16)
    placed = PlacedSam(sam, CARD)
    work, _ = encoding(sam, images, {("cuda", "half"): 0, ("cpu", "half"): 9})
    with pytest.warns(UserWarning, match="on the CPU"):
        assert len(torch.cat(placed.run(work, 5, "planes"))) == 5


def test_a_model_that_does_not_fit_on_the_card_begins_on_the_cpu(sam, monkeypatch):
    to = SamOnCard.to

    def send(sam, device):
        if torch.device(device).type == "cuda":
            raise torch.cuda.OutOfMemoryError
        return to(sam, device)

    monkeypatch.setattr(SamOnCard, "to", send)
    with pytest.warns(UserWarning, match="too little free memory.*on the CPU"):
        placed = PlacedSam(sam, CARD)
    assert placed.device.type == sam.place == "cpu"


def test_what_does_not_fit_anywhere_is_an_error_with_a_next_step(sam, images):
    placed = PlacedSam(sam, CARD)
    fits = {("cuda", "single"): 0, ("cuda", "half"): 0, ("cpu", "single"): 0}
    work, sizes = encoding(sam, images, fits)
    with (
        pytest.warns(UserWarning, match="on the CPU"),
        pytest.raises(OutOfDeviceMemoryError, match="choose a smaller model"),
    ):
        placed.run(work, 1, "planes")
    assert [size[:2] for size in sizes] == list(fits)


def test_other_errors_change_nothing(sam):
    placed = PlacedSam(sam, CARD)
    with pytest.raises(ZeroDivisionError):
        placed.run(lambda part: 1 / 0, 1, "planes")
    assert placed.device == CARD


def test_nothing_is_moved_while_another_thread_computes(sam):
    placed = PlacedSam(sam, CARD)
    begun, may_end = threading.Event(), threading.Event()
    places = []

    def slow(part):
        places.append(sam.place)
        begun.set()
        assert may_end.wait(30)
        places.append(sam.place)

    def too_much(part):
        if sam.place == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return sam.place

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(placed.run, slow, 1, "planes")
        assert begun.wait(30)
        second = threads.submit(placed.run, too_much, 1, "prompts")
        time.sleep(0.2)
        assert not second.done()
        may_end.set()
        first.result(30)
        assert second.result(30) == ["cpu"]
    assert places == ["cuda", "cuda"]


def test_no_item_is_one_piece_of_work(sam):
    assert PlacedSam(sam, CARD).run(lambda part: part, 0, "prompts") == [slice(0, 0)]


def test_planes_that_are_too_many_for_the_cpu_are_encoded_in_turn(monkeypatch):
    other = Sam(CONFIGS["tiny"]).eval()
    planes = list(np.random.default_rng(0).integers(0, 255, (4, 60, 50), np.uint8))
    predictor = MaskPredictor(other, device="cpu")
    expected = predictor.embed_batch(planes, (0, 255))
    encode = other.encode

    def encode_few(images):
        if len(images) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return encode(images)

    monkeypatch.setattr(other, "encode", encode_few)
    with pytest.warns(UserWarning, match="going on with 1 at once"):
        found = predictor.embed_batch(planes, (0, 255))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.features, b.features)


FIXED = replace(CONFIGS["tiny"], has_proposal_head=False, decoder_window=0)
POINT = {
    "points_xy": torch.full((1, 1, 2), 60.0),
    "point_labels": torch.ones(1, 1, dtype=torch.int64),
}


def on_card(config, maker, device=CARD):
    torch.manual_seed(0)
    sam = SamOnCard(config).eval()
    prepare_for_inference(sam)
    return PlacedSam(sam, device, maker)


def decode(placed, **options):
    shown = torch.ones(1, FIXED.transformer_dim, 16, 16)
    return placed.run(
        lambda part: placed.decode(shown, **POINT, **options), 1, "prompts"
    )[0]


def test_prompts_on_a_card_are_captured():
    maker = Maker()
    placed = on_card(FIXED, maker)
    answers = [decode(placed) for _ in range(3)]
    (graphs,) = maker.made
    assert graphs.device == torch.device("cpu")  # where the embedding is, not the name
    assert (graphs.n_captured, graphs.n_replayed) == (1, 2)
    for logits, iou in answers[1:]:
        torch.testing.assert_close((logits, iou), answers[0], rtol=0, atol=0)


@pytest.mark.parametrize(
    "config",
    [
        replace(FIXED, decoder_window=8),
        replace(FIXED, has_proposal_head=True),
        CONFIGS["tiny"],
    ],
)
def test_steps_that_depend_on_prompts_are_not_captured(config):
    maker = Maker()
    placed = on_card(config, maker)
    for _ in range(3):
        decode(placed)
    assert maker.made == []


def test_neither_is_what_a_cpu_does_or_a_floor_decides(monkeypatch):
    maker = Maker()
    on_cpu, with_floor = (on_card(FIXED, maker, x) for x in (torch.device("cpu"), CARD))
    for _ in range(3):
        decode(on_cpu)
        decode(with_floor, iou_floor=0.5)
    monkeypatch.setenv(placed_sam.GRAPHS_VARIABLE, "0")
    unwanted = on_card(FIXED, maker)
    for _ in range(3):
        decode(unwanted)
    assert maker.made == []


@pytest.mark.parametrize("n_items", [1, 5])
def test_graphs_are_dropped_when_memory_runs_out(n_items):
    maker = Maker()
    placed = on_card(FIXED, maker)
    before = decode(placed)
    decode(placed)
    is_short = [True]

    def work(part):
        if is_short:
            is_short.clear()
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    placed.run(work, n_items, "planes")
    assert maker.made[0].n_waited == 1
    after = [decode(placed) for _ in range(3)][-1]
    assert [graphs.n_replayed for graphs in maker.made] == [1, 2]
    # One plane is encoded in half precision from now on, and so is the image's side.
    assert torch.equal(before[0], after[0]) == (n_items > 1)


def test_on_the_cpu_nothing_is_captured_any_more():
    maker = Maker()
    placed = on_card(FIXED, maker)

    def work(part):
        if placed.sam.place == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    for _ in range(2):
        decode(placed)
    placed.run(work, 1, "planes")
    assert placed.device.type == "cpu"
    for _ in range(3):
        decode(placed)
    assert maker.n_captured == 1
    assert maker.n_replayed == 1


def test_a_predictor_answers_from_graphs():
    maker = Maker()
    planes = np.random.default_rng(0).integers(0, 255, (2, 90, 120), np.uint8)
    placed = on_card(FIXED, maker, torch.device("cpu"))
    plain, graphed = MaskPredictor(placed), MaskPredictor(copy.deepcopy(placed.sam))
    graphed._placed._graphed = GraphedDecoder(graphed._placed.sam, maker)
    for plane in planes:
        embedding = plain.embed(plane, intensity_range=(0, 255))
        for y in (20, 40, 60):
            asked = Prompts.from_points([[y, 50]], [1])
            found, expected = (x.predict(embedding, asked) for x in (graphed, plain))
            np.testing.assert_array_equal(found.low_res_masks, expected.low_res_masks)
            np.testing.assert_array_equal(found.masks, expected.masks)
    assert maker.n_replayed == 5


def test_threads_that_take_turns_let_one_step_back(sam):
    """One of them is always working: nobody would ever find all of them idle."""
    placed = PlacedSam(sam, CARD)
    over = threading.Event()
    n_turns = [0, 0]

    def take_turns(number):
        if number:
            time.sleep(0.01)  # so that their turns overlap
        while not over.is_set():
            placed.run(lambda part: time.sleep(0.02), 1, "planes")
            n_turns[number] += 1

    def too_much(part):
        if sam.place == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return sam.place

    with ThreadPoolExecutor(3) as threads:
        for number in range(2):
            threads.submit(take_turns, number)
        time.sleep(0.1)
        try:
            last = threads.submit(placed.run, too_much, 1, "prompts")
            assert last.result(10) == ["cpu"]
            before = list(n_turns)
            time.sleep(0.2)
        finally:
            over.set()
    # And then they go on.
    assert all(now > then for now, then in zip(n_turns, before, strict=True))
