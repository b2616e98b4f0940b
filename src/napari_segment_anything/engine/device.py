"""The device that a model runs on."""

import platform

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
            "use device='cpu' (--device cpu), or install a torch build for your "
            "graphics card."
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
    n_threads = torch.get_num_threads()
    return f"CPU ({machine}, {n_threads} thread{'s' if n_threads > 1 else ''})"


def _is_available(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (
            device.index is None or device.index < torch.cuda.device_count()
        )
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"
