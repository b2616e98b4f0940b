"""The model card, from the split, the run's log and the benchmark's figures.

    python -m training.model_card --data DATA --run runs/nano [--output README.md]

No figure in it is typed by hand.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from napari_segment_anything.networks.config import CONFIGS, SamConfig
from napari_segment_anything.networks.sam import Sam

from .crops import CROP_SIZE, DIAMETER_RANGE
from .data_sets import DATA_SETS
from .planes import Plane, load_planes, sampling_weights
from .quality import JSON_NAME, quality_table
from .record import LOG_NAME, STARTS_NAME, read_rows
from .split import SPLITS_FILE

CARD_NAME = "model_card.md"
POOR_IOU = 0.6
WIDTH = 88

CARD = """# `nano`: model card

A small Segment Anything: TinyViT-style image encoder of stride {stride}, SAM's prompt
encoder and mask decoder at half width, and a proposal head, from which everything mode
takes its prompts and every prompt the rough mask that it begins with;
{n_weights:.1f} million weights, float16 safetensors. Model frame {frame} × {frame},
low-resolution masks {low_res} × {low_res}.

**Made for** nuclei and cells in fluorescence, stained and phase-contrast images. **Not
made for** photographs, or anything that was not in its training sets; check its masks
there.

{training}

{data_table}

*objects*: to train, in the planes as they are; *share*: of the training crops.

**Figures** {figures}

**Limits**

{limits}

Licence of the weights: Apache-2.0.
"""


def model_card(
    config: SamConfig,
    planes: list[Plane],
    splits: Mapping[str, Mapping[str, Sequence[str]]],
    rows: Sequence[Mapping[str, Any]],
    starts: Sequence[Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]] | None,
) -> str:
    """Render the card.

    Parameters
    ----------
    config : SamConfig
        Of the model.
    planes : list of Plane
        That trained it.
    splits : mapping
        Set, part, names of images.
    rows, starts : sequence of mapping
        Of ``log.jsonl`` and ``starts.jsonl``.
    results : mapping or None
        What the quality benchmark wrote for the test part, if it ran.
    """
    n_weights = sum(parameter.numel() for parameter in Sam(config).parameters())
    figures = "were not measured for these weights."
    if results:
        unseen = ", ".join(name for name in results if name not in splits)
        of_unseen = f" (of {unseen}, which never trained it, all)" if unseen else ""
        told = fill(
            f"on the test part{of_unseen}, by `benchmarks/quality.py`, whose help says "
            "what they are:",
            WIDTH,
        )
        figures = f"{told}\n\n{quality_table(results).rstrip()}"
    return CARD.format(
        stride=config.embedding_stride,
        n_weights=n_weights / 1e6,
        frame=config.image_size,
        low_res=config.low_res_size,
        training=fill(
            f"**Trained** {_history(rows, starts)}, by the recipe under `training/` in "
            "the repository, on the training part of its frozen split "
            "(`training/splits.json`), whose test part did not train it:",
            WIDTH,
        ),
        data_table=_data_table(planes, splits),
        figures=figures,
        limits="\n".join(
            fill(f"- {limit}", WIDTH, subsequent_indent="  ")
            for limit in _limits(planes, results or {})
        ),
    )


def _history(
    rows: Sequence[Mapping[str, Any]], starts: Sequence[Mapping[str, Any]]
) -> str:
    before = next((s["steps_before"] for s in starts if "steps_before" in s), None)
    text = "from random weights"
    if before is not None:
        text = "on from earlier weights of the same recipe"
        if before:
            text += f" ({before} steps)"
    if rows:
        text += (
            f" for {rows[-1]['step']} steps in {rows[-1]['seconds'] / 60:.0f} minutes"
        )
    devices = dict.fromkeys(
        f"{start['device']}, {start['n_processes']} process"
        + ("es" if start["n_processes"] > 1 else "")
        for start in starts
    )
    return text + (f" ({'; '.join(devices)})" if devices else "")


def _data_table(
    planes: list[Plane], splits: Mapping[str, Mapping[str, Sequence[str]]]
) -> str:
    lines = [
        "| set | licence | source | planes: train / choose / test | objects | share |",
        "|---|---|---|---|---|---|",
    ]
    shares = sampling_weights(planes)
    for set_name in dict.fromkeys(plane.set_name for plane in planes):
        is_own = np.array([plane.set_name == set_name for plane in planes])
        n_objects = sum(
            len(np.unique(plane.labels[plane.labels > 0]))
            for plane in planes
            if plane.set_name == set_name
        )
        parts = splits.get(set_name, {})
        n_planes = [int(is_own.sum())]
        n_planes += [len(parts.get(part, ())) for part in ("validation", "test")]
        about = DATA_SETS[set_name]
        lines.append(
            f"| {set_name}: {about.title} | {about.licence} | {about.source} "
            f"| {' / '.join(map(str, n_planes))} | {n_objects} "
            f"| {shares[is_own].sum():.0%} |"
        )
    return "\n".join(lines)


def _limits(planes: list[Plane], results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    low, high = DIAMETER_RANGE
    n_phase = sum(plane.set_name == "usiigaci_phase" for plane in planes)
    limits = [
        f"It learnt from crops of {CROP_SIZE} pixels, of planes scaled so that their "
        f"median object is {low:.0f} to {high:.0f} pixels across; what is smaller or "
        "larger in the model frame is outlined worse.",
        "Many test images of the Data Science Bowl are tiles of fields of which other "
        "tiles trained it.",
        f"Phase contrast rests on {n_phase} hand-drawn images.",
        "The test slices of volumes are of the same volumes that trained it.",
    ]
    poor = {
        name: figures["one_click_miou"]
        for name, figures in results.items()
        if (figures.get("one_click_miou") or 0) < POOR_IOU
    }
    if poor:
        listed = ", ".join(f"{name} ({iou or 0:.2f})" for name, iou in poor.items())
        limits.append(
            f"A click outlines objects poorly (mean IoU under {POOR_IOU}) in: {listed}."
        )
    return limits


def write_card(planes: list[Plane], run: Path, target: Path | None = None) -> Path:
    """Write the card of the run in a folder, by default beside its weights."""
    target = target or run / CARD_NAME
    quality = run / JSON_NAME
    card = model_card(
        CONFIGS["nano"],
        planes,
        json.loads(SPLITS_FILE.read_text()),
        read_rows(run / LOG_NAME),
        read_rows(run / STARTS_NAME),
        json.loads(quality.read_text()) if quality.exists() else None,
    )
    target.write_text(card)
    return target


def main() -> None:
    """Write the card of a run anew, for instance after another measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--run", type=Path, default=Path("runs/nano"))
    parser.add_argument("--output", type=Path, help="by default in the run's folder")
    arguments = parser.parse_args()
    starts = read_rows(arguments.run / STARTS_NAME)
    seed = starts[-1]["seed"] if starts else 0
    planes = load_planes(arguments.data, "train", seed)
    print(write_card(planes, arguments.run, arguments.output))


if __name__ == "__main__":
    main()
