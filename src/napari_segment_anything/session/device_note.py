"""Whether a graphics card lies idle that could do the work."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path


def idle_card_note(device_type: str) -> str:
    """Return what to do about a card that is not used; empty where all is well.

    Called by a worker, as it looks for files.

    Parameters
    ----------
    device_type : str
        What the model runs on, such as ``"cpu"``.
    """
    if device_type != "cpu" or not _has_card():
        return ""
    return (
        "This computer has a graphics card, but the installed torch cannot use it: "
        "everything runs on the CPU, many times slower. Install the torch build for "
        "your card from pytorch.org."
    )


def _has_card() -> bool:
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    driver = Path("/proc/driver/nvidia/version")
    return driver.exists() or shutil.which("nvidia-smi") is not None
