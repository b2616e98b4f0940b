"""The figures on the test part, by the quality benchmark, and their table."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .split import SPLITS_FILE

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "quality.py"
JSON_NAME, TABLE_NAME = "quality.json", "quality.md"
COLUMNS = {
    "one_click_miou": "one click",
    "best_of_three_miou": "best of three",
    "three_click_miou": "three clicks",
    "box_miou": "box",
    "iou_rank_correlation": "rank corr.",
    "ap50": "AP50",
    "map": "mAP",
}


def measure_quality(
    data: Path, weights: Path, output: Path, device: torch.device
) -> None:
    """Run the benchmark on the test part of every set that has one."""
    splits = json.loads(SPLITS_FILE.read_text())
    sets = [name for name, parts in splits.items() if parts["test"]]
    command = [sys.executable, BENCHMARK, "--data", data, "--sets", ",".join(sets)]
    command += ["--part", "test", "--model", weights, "--device", device.type]
    command += ["--json", output / JSON_NAME]
    words = [str(word) for word in command]
    if subprocess.run(words, check=False).returncode != 0:
        raise SystemExit(
            "The weights and the model card are written, the figures are not. Mend "
            "what stopped the benchmark and train again with the same command: the "
            "finished run only measures then."
        )
    results = json.loads((output / JSON_NAME).read_text())
    (output / TABLE_NAME).write_text(quality_table(results))


def quality_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown table of the benchmark's figures, one row a set."""
    lines = [
        f"| set | images / objects | {' | '.join(COLUMNS.values())} |",
        "|" + "---|" * (len(COLUMNS) + 2),
    ]
    for set_name, figures in results.items():
        cells = [set_name, f"{figures['n_images']} / {figures['n_objects']}"]
        for name in COLUMNS:
            figure = figures.get(name)
            cells.append("" if figure is None else f"{figure:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
