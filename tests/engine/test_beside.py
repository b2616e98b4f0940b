"""Answers that are ahead of whoever uses them."""

from contextlib import contextmanager

import pytest
import torch

from napari_segment_anything.engine import beside
from napari_segment_anything.engine.beside import answered_ahead

CPU = torch.device("cpu")
CARD = torch.device("cuda")
N = 6


@pytest.mark.parametrize("n", [0, 1, 4])
def test_each_work_is_answered_once_in_order(n):
    works = [lambda i=i: (torch.full((2,), i), torch.tensor(i)) for i in range(n)]
    answers = list(answered_ahead(CPU, works))
    assert [(int(a[0]), int(b)) for a, b in answers] == [(i, i) for i in range(n)]


def test_a_cpu_does_nothing_before_it_is_asked():
    done = []

    def work(i):
        done.append(i)
        return torch.tensor(i), torch.tensor(i)

    answers = answered_ahead(CPU, [lambda i=i: work(i) for i in range(3)])
    assert done == []
    for i in range(3):
        assert int(next(answers)[0]) == i
        assert done == list(range(i + 1))


class ToldStream:
    """Notes what it is asked for, and whom it waits for, where there is no card."""

    def __init__(self, name, asked):
        self.name, self.asked = name, asked

    def wait_stream(self, other):
        self.asked.append(f"{self.name} waits for {other.name}")

    def wait_event(self, event):
        self.asked.append(f"{self.name} waits for {event}")

    def record_event(self):
        return self.asked[-1]


@pytest.fixture
def asked(monkeypatch):
    """What a card that is not there is asked for, in this order."""
    asked = []
    aside, caller = (ToldStream(name, asked) for name in ("aside", "caller"))

    @contextmanager
    def on(stream):
        assert stream is aside
        yield

    monkeypatch.setattr(beside, "_OWN", beside._Own())
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: aside)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: caller)
    monkeypatch.setattr(torch.cuda, "stream", on)
    return asked


def told(asked, *, n, fails_at=None):
    def work(i):
        if i == fails_at:
            raise MemoryError
        asked.append(f"work {i}")
        return torch.tensor(i), torch.tensor(i)

    return [lambda i=i: work(i) for i in range(n)]


def test_a_caller_waits_on_its_stream_for_the_answer_it_takes(asked):
    assert [int(a) for a, _ in answered_ahead(CARD, told(asked, n=2))] == [0, 1]
    assert asked == [
        *("aside waits for caller", "work 0", "aside waits for caller", "work 1"),
        *("caller waits for work 0", "caller waits for work 1"),
        "caller waits for aside",
    ]


@pytest.mark.parametrize("fails_at", [None, 0, 2])
def test_who_stops_early_goes_on_behind_all_that_was_begun(asked, fails_at):
    """What the decoder has kept of the image is used by the next prompt."""
    answers = answered_ahead(CARD, told(asked, n=3, fails_at=fails_at))
    if fails_at is None:
        next(answers)
        answers.close()
        assert "work 1" in asked
    else:
        with pytest.raises(MemoryError):
            list(answers)
    assert asked[-1] == "caller waits for aside"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_a_card_works_beside_its_caller_and_mixes_nothing_up():
    size = 1500
    given = [torch.rand(size, size, device=CARD) / size for _ in range(N)]

    def work(x):
        for _ in range(10):
            y = x @ x
        return y, y.sum()

    with torch.inference_mode():
        expected = [x @ x for x in given]
        torch.cuda.synchronize()
        works = [lambda x=x: work(x) for x in given]
        found = []
        for answer, total in answered_ahead(CARD, works):
            found.append((answer.clone(), float(total)))
            del answer
    for (answer, total), x in zip(found, expected, strict=True):
        torch.testing.assert_close(answer, x, rtol=0, atol=0)
        assert total == pytest.approx(float(x.sum()), rel=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_it_does_not_wait_for_what_its_caller_asks_later():
    order = []

    def work(i):
        order.append(i)
        return torch.ones(1, device=CARD), torch.ones(1, device=CARD)

    answers = answered_ahead(CARD, [lambda i=i: work(i) for i in range(3)])
    next(answers)
    assert order == [0, 1]
