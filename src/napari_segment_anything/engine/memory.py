"""The memory of the device that a model runs on."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from napari_segment_anything.engine.device import describe_device
from napari_segment_anything.errors import DeviceError

# Torch has an error of its own for CUDA alone; these are in the others' messages.
_SIGNS = (
    "out of memory",
    "not enough memory",
    "DefaultCPUAllocator",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


class OutOfDeviceMemoryError(DeviceError):
    """The device ran out of memory: less work at once may fit."""


@contextmanager
def memory_guard(device: torch.device) -> Iterator[None]:
    """Turn a device's out-of-memory error into one with a next step.

    Raises
    ------
    OutOfDeviceMemoryError
        When the device, or the CPU, runs out of memory inside of the block.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_about_memory(error):
            raise
        raise OutOfDeviceMemoryError(
            f"{describe_device(device)} ran out of memory; close other programs that "
            "use it, or choose a smaller model or smaller tiles."
        ) from error


def free_bytes(device: torch.device) -> int | None:
    """Bytes that the networks may still ask for; None where nobody counts them."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + kept


class PeakMemory:
    """Counts what work on a card takes at most, beyond what was in use before."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._before = torch.cuda.memory_allocated(device)

    @property
    def bytes(self) -> int:
        """Bytes so far; 0 where nobody counts them."""
        if self._device.type != "cuda":
            return 0
        return torch.cuda.max_memory_allocated(self._device) - self._before


def fitting(device: torch.device, bytes_each: int, most: int) -> int:
    """How many items to work on at once: those that half of the free memory holds.

    At least 1 and at most ``most``; 1 where memory is not counted.
    """
    free = free_bytes(device)
    if free is None or bytes_each <= 0:
        return 1
    return max(1, min(most, free // 2 // bytes_each))


def finish_work(device: torch.device) -> None:
    """Wait until a card has done all that any thread has asked of it."""
    if device.type == "cuda" and torch.cuda.is_available():
        torch.cuda.synchronize(device)


def release_memory(device: torch.device) -> None:
    """Give back to the device what is kept of its memory for later, where it can."""
    if device.type == "cuda" and torch.cuda.is_available():
        # Torch cannot while a CUDA graph is captured in another thread.
        with suppress(RuntimeError):
            torch.cuda.empty_cache()
    elif device.type == "mps" and torch.backends.mps.is_available():
        torch.mps.empty_cache()
    elif device.type == "cpu" and sys.platform == "linux":
        # What a thread has freed, glibc keeps for that thread; others have none of it.
        # Other C libraries lack the function.
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _is_about_memory(error: RuntimeError | MemoryError) -> bool:
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    message = str(error)
    return any(sign in message for sign in _SIGNS)
