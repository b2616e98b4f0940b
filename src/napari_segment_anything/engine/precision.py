"""The precision that a model's image side is computed in."""

import os
import time
from functools import cache

import torch

from napari_segment_anything.errors import InvalidSettingsError

PRECISION_VARIABLE = "NAPARI_SEGMENT_ANYTHING_PRECISION"

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_WORTHWHILE_GAIN = 1.5
_N_TIMINGS = 5
_MATRIX_SIDE = 512


def image_precision(device: torch.device, name: str | None = None) -> torch.dtype:
    """Return the precision of a name, or the faster one on a device.

    Parameters
    ----------
    device : torch.device
        That the model runs on.
    name : str, optional
        ``"float32"``, ``"bfloat16"`` or ``"auto"``; by default what the environment
        variable ``NAPARI_SEGMENT_ANYTHING_PRECISION`` says, else ``"auto"``.

    Raises
    ------
    InvalidSettingsError
        When there is no such precision.
    """
    chosen = name or os.environ.get(PRECISION_VARIABLE) or "auto"
    if chosen == "auto":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float32
    if chosen not in _DTYPES:
        raise InvalidSettingsError(
            f"There is no precision {chosen!r}; use auto, {' or '.join(_DTYPES)}."
        )
    return _DTYPES[chosen]


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is clearly faster than float32 on a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # No public function of torch knows the matrix units of all CPUs: measure once.
    return device.type == "cpu" and _measured_gain() > _WORTHWHILE_GAIN


@cache
def _measured_gain() -> float:
    """How many times faster a CPU multiplies bfloat16 matrices than float32 ones."""
    fastest = {}
    for dtype in _DTYPES.values():
        matrix = torch.ones(_MATRIX_SIDE, _MATRIX_SIDE, dtype=dtype)
        seconds = []
        for _ in range(_N_TIMINGS):
            start = time.perf_counter()
            torch.mm(matrix, matrix)
            seconds.append(time.perf_counter() - start)
        fastest[dtype] = min(seconds)
    return fastest[torch.float32] / fastest[torch.bfloat16]
