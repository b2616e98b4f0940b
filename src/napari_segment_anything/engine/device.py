"""The device that a model runs on."""

import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_segment_anything.errors import DeviceError


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """Return the device of a name, or the fastest one that is there.

    Parameters
    ----------
    name : str or torch.device, optional
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; None or ``"auto"`` picks.

    Raises
    ------
    DeviceError
        When the name is unknown or this machine has no such device.
    """
    if name is None or name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(
            f"{name!r} is not the name of a device; use auto, cpu, cuda or mps."
        ) from error
    if not _is_available(device):
        raise DeviceError(
            f"This machine, or the installed torch, has no device {str(name)!r}; "
            "use --device cpu, or install a torch build for your graphics card."
        )
    return device


def describe_device(device: torch.device) -> str:
    """One line for people: kind and name of the device, threads of the CPU."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        gib = properties.total_memory / 2**30
        return f"{properties.name} ({gib:.0f} GiB)"
    if device.type == "mps":
        return "Apple graphics processor (mps)"
    machine = platform.machine() or "unknown machine"
    return f"CPU ({machine}, {torch.get_num_threads()} threads)"


def _is_available(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (
            device.index is None or device.index < torch.cuda.device_count()
        )
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


class OutOfDeviceMemoryError(DeviceError):
    """The device ran out of memory: less work at once may fit."""


@contextmanager
def memory_guard(device: torch.device) -> Iterator[None]:
    """Turn a device's out-of-memory error into one with a next step.

    Raises
    ------
    OutOfDeviceMemoryError
        When the device runs out of memory inside of the block.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise OutOfDeviceMemoryError(
            f"{describe_device(device)} ran out of memory; use fewer points per "
            "batch, a smaller model, or the CPU."
        ) from error


def halved(n_together: int, what: str) -> int:
    """Half of what was too much for the device at once; says so in a warning.

    Call it where an `OutOfDeviceMemoryError` was caught.
    """
    smaller = max(1, n_together // 2)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    warnings.warn(
        f"The device ran out of memory with {n_together} {what} at once; going on with "
        f"{smaller} at once, which takes longer.",
        stacklevel=3,
    )
    return smaller
