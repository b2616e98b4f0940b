"""What a run wrote down about itself: its starts and its curves."""

import json
from pathlib import Path
from typing import Any

import torch

from napari_segment_anything.engine.device import describe_device

from .run import Run

STARTS_NAME = "starts.jsonl"
LOG_NAME = "log.jsonl"


def add_start(run: Run) -> None:
    """Note with what a run starts, or goes on."""
    settings = run.settings
    row: dict[str, Any] = {
        "step": run.step,
        "seconds": round(run.seconds),
        "device": describe_device(run.processor.device),
        "torch": torch.__version__,
        "n_processes": settings.n_processes,
        "has_fast_bfloat16": run.processor.has_fast_bfloat16,
        "minutes": settings.minutes,
        "learning_rate": settings.learning_rate,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
    }
    if settings.start_from is not None:
        row["steps_before"] = run.steps_before
    with (run.output / STARTS_NAME).open("a") as file:
        file.write(json.dumps(row) + "\n")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a file with one JSON object a line; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
