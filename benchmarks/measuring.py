"""Medians, ratios and peak memory of pieces of work that take turns."""

import ctypes
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from napari_segment_anything.engine.device import describe_device

Work = Callable[[], object]
T = TypeVar("T")
# Seconds of the processor are fairer on a machine that others use at the same time.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def measure(
    name: str,
    own: dict[str, Work],
    references: dict[str, Work],
    n_rounds: int,
    clock: str = "wall",
) -> dict:
    """Time own variants and references in turn, after a round that counts memory.

    A machine that is busy for a moment is then busy for all of them. Counting memory
    first gives back what is free, which work then has to ask for again: only a single
    round, for long work, does both. Ratios are reference over own: above 1 ours is
    faster.
    """
    warm_up = n_rounds > 1
    works = {**own, **references}
    seconds: dict[str, list[float]] = {key: [] for key in works}
    memory: dict[str, float] = {}
    for turn in range(n_rounds + warm_up):
        for key, work in works.items():
            if turn == 0:
                memory[key], taken = extra_memory(lambda w=work: seconds_of(w, clock))
            else:
                taken = seconds_of(work, clock)
            if turn or not warm_up:
                seconds[key].append(taken)
                print(f"  … {key} {taken:.3f} s", file=sys.stderr, flush=True)
    variants = {
        key: {
            "median_s": statistics.median(seconds[key]),
            "extra_mib": round(memory[key] / 2**20, 1),
            **({"ratios": {}} if key in own else {}),
        }
        for key in works
    }
    print(name, flush=True)
    for key, entry in variants.items():
        line = f"  {key:<34} {entry['median_s'] * 1e3:10.1f} ms"
        line += f" {entry['extra_mib']:8.0f} MiB"
        if key in own:
            others = [other for other in works if other != key]
            entry["ratios"] = {
                other: variants[other]["median_s"] / entry["median_s"]
                for other in others
            }
            line += "".join(
                f"  ×{entry['ratios'][other]:.2f} {other}" for other in references
            )
        print(line, flush=True)
    return {
        "n_rounds": n_rounds,
        "clock": clock,
        "variants": variants,
        "own": list(own),
    }


def growth_exponent(sizes: list[float], works: list[Work], n_rounds: int = 3) -> float:
    """Exponent p of time ~ size^p, by least squares over the fastest of some rounds."""
    seconds = [min(seconds_of(work) for _ in range(n_rounds + 1)) for work in works]
    slope: float = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    return round(float(slope), 3)


def seconds_of(work: Work, clock: str = "wall") -> float:
    """Time work, and on a card wait until it is done."""
    start = CLOCKS[clock]()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return CLOCKS[clock]() - start


def extra_memory(work: Callable[[], T]) -> tuple[float, T]:
    """Bytes that work held at most beyond what was in use before, and its result."""
    before = _begin_peak()
    result = work()
    return _peak() - before, result


def _begin_peak() -> float:
    """Forget earlier peaks; bytes that are in use now, 0 where nobody counts them."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return float(torch.cuda.memory_allocated())
    if not _CLEAR_REFS.exists():
        return 0.0
    # Give back what earlier work left free: it would hide what this work needs.
    ctypes.CDLL(None).malloc_trim(0)
    _CLEAR_REFS.write_text("5")
    return _status_bytes("VmRSS")


def _peak() -> float:
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return _status_bytes("VmHWM") if _CLEAR_REFS.exists() else 0.0


def _status_bytes(field: str) -> float:
    line = next(x for x in _STATUS.read_text().splitlines() if x.startswith(field))
    return float(line.split()[1]) * 1024


def describe_machine(device: torch.device) -> dict[str, object]:
    """Describe what figures depend on, beside the code."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    return {
        "device": describe_device(device),
        "processor": platform.processor() or platform.machine(),
        "n_cpus": os.cpu_count(),
        "n_threads": torch.get_num_threads(),
        "load_average": load,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "gflops": {
            str(dtype).removeprefix("torch."): round(matrix_product_rate(device, dtype))
            for dtype in (torch.float32, torch.bfloat16)
        },
    }


def matrix_product_rate(device: torch.device, dtype: torch.dtype) -> float:
    """GFLOP/s of a large matrix product."""
    side = 8192 if device.type == "cuda" else 1024
    # Of random numbers: zeros and ones take less power, and are faster for it.
    matrix = torch.randn(side, side, device=device).to(dtype)
    fastest = min(seconds_of(lambda: matrix @ matrix) for _ in range(12))
    return 2 * side**3 / fastest / 1e9
