"""How many threads decode a prompt."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from napari_segment_anything.engine import single_thread as module
from napari_segment_anything.engine.single_thread import (
    n_own_threads,
    single_thread,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def three_threads(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    module.n_common_threads.cache_clear()
    yield
    torch.set_num_threads(before)
    module.n_common_threads.cache_clear()


def threads_within(n_prompts, device=CPU):
    with single_thread(n_prompts, device):
        return torch.get_num_threads()


def test_beside_a_window_one_thread_decodes_one_prompt():
    with ThreadPoolExecutor(1) as beside:
        # The main thread asks first, as where a model is loaded.
        assert threads_within(1) == 3
        assert beside.submit(threads_within, 1).result() == 1
        assert beside.submit(torch.get_num_threads).result() == 3
        assert beside.submit(threads_within, 2).result() == 3
        assert beside.submit(threads_within, 1, torch.device("meta")).result() == 3
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 3


def test_who_begins_while_a_prompt_is_decoded_does_not_take_its_number():
    inside, may_end = threading.Event(), threading.Event()

    def click():
        with single_thread(1, CPU):
            inside.set()
            may_end.wait(30)

    assert threads_within(1) == 3
    with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(1) as job:
        beside.submit(click)
        assert inside.wait(30)
        asked = job.submit(n_own_threads)
        with pytest.raises(TimeoutError):
            asked.result(0.1)
        may_end.set()
        assert asked.result() == 3


def test_nobody_waits_for_long_before_work_begins(monkeypatch):
    monkeypatch.setattr(module, "_MOST_SECONDS", 0.01)
    monkeypatch.setattr(module, "_ALONE", {0})
    assert n_own_threads() == 3
