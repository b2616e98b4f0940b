import os
import platform
from pathlib import Path

import pytest
import torch

from napari_segment_anything.engine import memory
from napari_segment_anything.engine.memory import (
    OutOfDeviceMemoryError,
    free_bytes,
    memory_guard,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't "
            "allocate memory: you tried to allocate 68719476736 bytes."
        ),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling …"),
        MemoryError("Unable to allocate 64.0 GiB for an array"),
    ],
)
def test_whatever_ran_out_of_memory_the_next_step_is_named(error):
    with (
        pytest.raises(OutOfDeviceMemoryError, match="choose a smaller model") as caught,
        memory_guard(CPU),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_the_real_error_of_the_cpu_is_known():
    with pytest.raises(OutOfDeviceMemoryError, match="CPU"), memory_guard(CPU):
        torch.empty(2**60, dtype=torch.uint8)


def test_other_errors_pass():
    with (
        pytest.raises(RuntimeError, match="shapes cannot be multiplied"),
        memory_guard(CPU),
    ):
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_nobody_counts_what_is_free_on_a_cpu():
    assert free_bytes(CPU) is None


@pytest.mark.parametrize(
    ("free", "each", "n"), [(100, 10, 5), (100, 60, 1), (10**9, 1, 8), (None, 1, 1)]
)
def test_half_of_the_free_memory_is_used(monkeypatch, free, each, n):
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)
    assert memory.fitting(CPU, each, 8) == n


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others cannot be told")
def test_a_cpu_gives_back_what_was_freed():
    # The last one keeps the heap from shrinking by itself.
    *blocks, last = [bytearray(b"x") * 2**16 for _ in range(2000)]
    full = _resident_bytes()
    del blocks
    memory.release_memory(CPU)
    assert full - _resident_bytes() > 2**26
    assert len(last) == 2**16


def _resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf(
        "SC_PAGE_SIZE"
    )
