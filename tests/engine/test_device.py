import pytest
import torch

from napari_segment_anything.engine.device import describe_device, pick_device
from napari_segment_anything.errors import DeviceError


def test_cpu_is_always_there():
    assert pick_device("cpu") == torch.device("cpu")
    assert "CPU" in describe_device(pick_device("cpu"))


def test_automatic_choice_is_a_device_that_works():
    device = pick_device("auto")
    assert pick_device(None) == device
    assert torch.zeros(1, device=device).sum() == 0


@pytest.mark.parametrize("name", ["cuda:99", "toaster", "meta"])
def test_devices_that_are_not_there_are_refused(name):
    with pytest.raises(DeviceError, match=name):
        pick_device(name)


def test_a_missing_card_is_not_silently_replaced(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"device='cpu' \(--device cpu\)"):
        pick_device("cuda")
