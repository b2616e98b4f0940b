"""How busy a graphics card is, and with what."""

import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

_ON_CARD = ("kernel", "gpu_memcpy", "gpu_memset")


class BusyCard:
    """Asks ten times a second how much of the time kernels ran, and for memory."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._reserved: list[int] = []
        self._samples: list[tuple[float, float]] = []
        self._start = time.perf_counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "BusyCard":
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
            self._start = time.perf_counter()
            self._reserved.append(torch.cuda.memory_reserved(self._device))
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def share(self, after: float = 0.0) -> float | None:
        """Mean share of time, 0..1, after some seconds; None without a driver."""
        samples = [share for at, share in self._samples if at >= after]
        return float(np.mean(samples)) / 100 if samples else None

    @property
    def peak_bytes(self) -> int | None:
        """Most that torch had of the card's memory beyond what it had at first."""
        return max(self._reserved) - self._reserved[0] if self._reserved else None

    def _ask(self) -> None:
        read = self._by_library
        while not self._over.wait(0.1):
            self._reserved.append(torch.cuda.memory_reserved(self._device))
            try:
                at = time.perf_counter() - self._start
                self._samples.append((at, read()))
            except Exception:  # noqa: BLE001 whatever a driver's library raises
                read = self._by_command

    def _by_library(self) -> float:
        return float(torch.cuda.utilization(self._device))

    def _by_command(self) -> float:
        query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        command = ["nvidia-smi", f"--id={self._device.index or 0}", *query]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(answer.stdout)


def kernels_of(work: Callable[[], object], device: torch.device) -> dict | None:
    """Run work once under the profiler.

    Returns
    -------
    dict or None
        Seconds on the wall, share of them in which a kernel (or anything) ran on the
        card, number of kernels, and the kernels that took longest, in milliseconds.
        None on a CPU.
    """
    if device.type != "cuda":
        return None
    torch.cuda.synchronize()
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CUDA]
    ) as profile:
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    return {"seconds": seconds, **summary(events, seconds)}


def summary(events: list[dict], seconds: float) -> dict:
    """Shares and longest kernels of a trace, whose times are microseconds."""
    on_card = [event for event in events if event.get("cat") in _ON_CARD]
    kernels = [event for event in on_card if event["cat"] == "kernel"]
    took: Counter[str] = Counter()
    for event in on_card:
        took[event["name"][:120]] += event["dur"] / 1e3
    n_times = Counter(event["name"][:120] for event in on_card)
    return {
        "kernel_share": covered(kernels) / 1e6 / seconds,
        "busy_share": covered(on_card) / 1e6 / seconds,
        "n_kernels": len(kernels),
        "longest_ms": [
            [name, round(ms, 3), n_times[name]] for name, ms in took.most_common(25)
        ],
    }


def covered(events: list[dict]) -> float:
    """Length of the union of events, which may overlap."""
    total, end = 0.0, -np.inf
    for event in sorted(events, key=lambda event: event["ts"]):
        start, stop = event["ts"], event["ts"] + event["dur"]
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return float(total)
