"""How many threads decode a prompt."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from napari_segment_anything.engine import single_thread as module
from napari_segment_anything.engine.single_thread import single_thread

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
