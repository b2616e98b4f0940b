"""Where the networks run, and how precisely."""

import copy
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from napari_segment_anything.engine.device import pick_device

from .crops import CROP_SIZE

CPU = torch.device("cpu")
N_TIMED_CROPS, N_REPEATS = 4, 3
WORTHWHILE_GAIN = 1.15


def choose_device(name: str) -> torch.device:
    """Device of ``"cpu"``, ``"cuda"`` or ``"auto"``: a GPU if torch can use one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return pick_device(name)


@dataclass(frozen=True)
class Processor:
    """A device; all that goes there or comes back passes through here."""

    device: torch.device = CPU
    has_fast_bfloat16: bool = False

    def move(self, tensor: Tensor) -> Tensor:
        """Bring a tensor to the device."""
        return tensor.to(self.device)

    def fetch(self, tensor: Tensor) -> np.ndarray:
        """Bring a result back, waiting for it."""
        array: np.ndarray = tensor.detach().cpu().numpy()
        return array

    def encoding(self) -> AbstractContextManager[object]:
        """Run the image encoder inside of this."""
        return self._autocast(self.has_fast_bfloat16)

    def decoding(self) -> AbstractContextManager[object]:
        """Run the mask decoder inside of this: on a CPU bfloat16 slows it down.

        Never the positional encodings: bfloat16 is not precise to a pixel.
        """
        return self._autocast(self.has_fast_bfloat16 and self.device.type == "cuda")

    def _autocast(self, is_on: bool) -> AbstractContextManager[object]:
        if not is_on:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)


def bfloat16_gain(encoder: nn.Module, device: torch.device) -> float:
    """How many times faster a copy of the encoder learns under bfloat16 autocast."""
    twin = copy.deepcopy(encoder).train()
    n_values = N_TIMED_CROPS * 3 * CROP_SIZE**2
    values = torch.linspace(-2, 2, n_values).view(-1, 3, CROP_SIZE, CROP_SIZE)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(N_REPEATS):
        for is_bfloat16, measured in seconds.items():
            processor = Processor(device, is_bfloat16)
            images = processor.move(values)
            start = time.perf_counter()
            with processor.encoding():
                out = twin(images)
            torch.autograd.backward(out.float().square().mean())
            for parameter in twin.parameters():
                if parameter.grad is not None:
                    processor.fetch(parameter.grad.sum())  # wait for the device
                    break
            measured.append(time.perf_counter() - start)
    return min(seconds[False]) / min(seconds[True])
