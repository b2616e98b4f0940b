"""What all tests of jobs share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Planes one after the other, so that a cancelled job has always done the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
