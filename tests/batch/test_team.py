"""Threads have their part of the processors, and on a card a stream each."""

import threading

import pytest
import torch

from napari_segment_anything.batch import team as team_module
from napari_segment_anything.batch.team import team
from napari_segment_anything.engine.single_thread import n_common_threads


@pytest.fixture(autouse=True)
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    n_common_threads.cache_clear()
    yield
    torch.set_num_threads(before)
    n_common_threads.cache_clear()


def in_each(n, device, ask):
    """Answers of all threads of a team."""
    together = threading.Barrier(n)

    def answer():
        together.wait(30)
        return ask()

    with team(n, "member", device) as threads:
        return [f.result(30) for f in [threads.submit(answer) for _ in range(n)]]


def test_threads_share_the_processors():
    assert in_each(2, None, torch.get_num_threads) == [2, 2]
    assert torch.get_num_threads() == 4


def test_beside_a_card_each_computes_alone():
    # Any device that is named is a card.
    assert in_each(2, torch.device("cpu"), torch.get_num_threads) == [1, 1]
    assert torch.get_num_threads() == 4


def test_afterwards_a_card_has_its_memory_back(monkeypatch):
    released = []
    monkeypatch.setattr(team_module, "release_memory", released.append)
    in_each(2, None, int)
    assert not released
    in_each(2, torch.device("cpu"), int)
    assert released == [torch.device("cpu")]


def test_what_has_not_begun_is_dropped():
    gate, done = threading.Event(), []
    with team(1, "member") as threads:
        first = threads.submit(gate.wait, 30)
        second = threads.submit(done.append, 1)
        timer = threading.Timer(0.1, gate.set)
        timer.start()
    assert first.done()
    assert second.cancelled()
    assert not done


class ToldStream:
    """Notes what it is to wait for, where there is no card."""

    def __init__(self, device):
        self.device, self.waited_for = device, []

    def wait_stream(self, other):
        self.waited_for.append(other)


def test_each_begins_on_a_stream_that_waits_for_the_weights(monkeypatch):
    taken = {}
    monkeypatch.setattr(torch.cuda, "Stream", ToldStream)
    monkeypatch.setattr(torch.cuda, "default_stream", lambda device: "default")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "current")
    monkeypatch.setattr(
        torch.cuda,
        "set_stream",
        lambda stream: taken.setdefault(threading.get_ident(), stream),
    )
    threads = set(in_each(3, torch.device("cuda"), threading.get_ident))
    assert set(taken) == threads
    assert len(set(taken.values())) == 3
    for stream in taken.values():
        assert stream.device.type == "cuda"
        assert stream.waited_for == ["default", "current"]


def test_a_card_that_refuses_is_said_at_once(monkeypatch):
    def refuse(device):
        raise RuntimeError("CUDA error: out of streams")

    monkeypatch.setattr(torch.cuda, "Stream", refuse)
    with pytest.raises(RuntimeError, match="out of streams"):
        in_each(2, torch.device("cuda"), int)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_each_has_a_stream_of_its_own():
    device = torch.device("cuda")

    def stream():
        return torch.cuda.current_stream(device).cuda_stream

    found = {*in_each(3, device, stream), stream()}
    assert len(found) == 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a card")
def test_work_that_was_asked_for_before_is_done_first():
    device = torch.device("cuda")
    torch.zeros(1, device=device)
    torch.cuda._sleep(int(1e9))
    late = torch.full((1000,), 7.0, device=device)
    sums = in_each(2, device, lambda: float(late.sum()))
    assert sums == [7000.0, 7000.0]
