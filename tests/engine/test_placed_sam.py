"""What is done when memory runs out, with a card that is only told to be one."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from napari_segment_anything.engine import placed_sam
from napari_segment_anything.engine.memory import OutOfDeviceMemoryError
from napari_segment_anything.engine.placed_sam import PlacedSam
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import Sam

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
