"""All that is to be known of a graphics card, in one call.

    python benchmarks/graphics_card.py --json card.json [--model vit_h] [--planes 200]

Without a card it says what it would measure. `--device cpu --model small --planes 4`
tries the same at small size on any machine; its figures mean nothing. Parts that fail
or take too long are noted as such; figures are written as each part ends.
"""

import argparse
import gc
import json
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import zarr
from card_networks import compiled, encoder, little_memory, one_prompt
from card_series import embedded, movie_on_disk, segmented
from card_use import kernels_of
from cells import N_PER_SIDE, cell_settings, decoded_to_cells
from measuring import describe_machine
from speed import FULL, QUICK, SMALL, Scale, everything, has_transformers
from stages import Contest, everything_settings
from transformers_peer import Peer

from napari_segment_anything.engine.automatic import AutomaticMaskGenerator
from napari_segment_anything.models.load import load_model
from napari_segment_anything.networks.config import CONFIGS

_N_ROUNDS = 6
MEASURED = {
    "machine": "the card, and its matrix-product rates",
    "encoder": "image encoder in bfloat16, by batch, eager and as a CUDA graph; share "
    "of the card's matrix-product rate (aim 0.5), peak memory, kernels",
    "prompt": "one prompt in milliseconds (aim 3): the first, the second, during which "
    "the decoder is captured as a CUDA graph, those after, and without a graph",
    "everything": "everything mode against transformers in float32 eager (aim 8 times "
    "as fast), with the share of its masks that are found, and kernels",
    "movie": "nothing: the planes of the series are written, which takes some seconds",
    "embedding": "a series of planes encoded into a store on disk: share of time in "
    "which the card is busy (aim 0.9), planes a second, peak memory",
    "series": "the same from zarr to labels; what random weights decode is shown as "
    f"{N_PER_SIDE**2} cells a plane",
    "bundled": "the same of the bundled model with its own thresholds",
    "memory": "what is told, and still answered, as the card's memory gets smaller",
    "compiled": "image encoder compiled: seconds before the first plane, and the gain",
}


@dataclass(frozen=True)
class Part:
    """One part, and the seconds after which it is given up."""

    measure: Callable[[], object]
    limit: float


def parts(
    options: argparse.Namespace, contest: Contest, folder: Path
) -> dict[str, Part]:
    """All parts, what matters most first; a series has its own limit as well."""
    device, is_quick = contest.device, contest.device.type == "cpu"
    scale = QUICK if is_quick else replace(FULL, n_rounds=_N_ROUNDS)
    half = contest.predictors["bfloat16"]

    def movie(side: int) -> zarr.Array:
        path = folder / f"{side}.zarr"
        if path.exists():
            return zarr.open_array(path, mode="r")
        return movie_on_disk(path, side, options.planes)

    def series() -> dict:
        if contest.weights != "random":
            return segmented(half, movie(contest.shape[0]), 25)
        settings = cell_settings(scale.points_per_side)
        with decoded_to_cells(half.config, device):
            return segmented(half, movie(contest.shape[0]), 25, settings)

    def bundled() -> dict:
        predictor = load_model("nano", device=device)
        return segmented(predictor, movie(predictor.frame_size), 12)

    return {
        "machine": Part(lambda: describe_machine(device), 30),
        "encoder": Part(lambda: encoder(contest, is_quick), 30),
        "prompt": Part(lambda: one_prompt(contest, is_quick), 20),
        "everything": Part(lambda: everything_mode(contest, scale), 60),
        # Apart, so that it does not count as a part of the first series.
        "movie": Part(lambda: {"shape": movie(contest.shape[0]).shape}, 30),
        "embedding": Part(lambda: embedded(half, movie(contest.shape[0]), 15), 40),
        "series": Part(series, 60),
        "bundled": Part(bundled, 35),
        "memory": Part(lambda: little_memory(device, is_quick), 40),
        "compiled": Part(lambda: compiled(contest), 90),
    }


def everything_mode(contest: Contest, scale: Scale) -> dict:
    """Against the reference, and what the card does in the meantime."""
    figures = everything(contest, scale)
    settings = everything_settings(contest, scale.points_per_side)
    generator = AutomaticMaskGenerator(contest.predictors["bfloat16"], settings)
    figures["kernels"] = kernels_of(
        lambda: generator.generate(contest.image, intensity_range=(0, 255)),
        contest.device,
    )
    return figures


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds, where signals can."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError(f"took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measured(part: Part, seconds_left: float) -> object:
    """Figures of a part, or why there are none."""
    limit = min(part.limit, seconds_left)
    if limit < 1:
        return {"failed": "no time was left"}
    try:
        with time_limit(limit):
            return part.measure()
    except Exception:  # noqa: BLE001 the next parts are to be measured all the same
        return {"failed": traceback.format_exc()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, measure, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, metavar="FILE")
    parser.add_argument("--model", default="vit_h", choices=[*CONFIGS, "small"])
    parser.add_argument("--planes", type=int, default=200, help="of a series")
    parser.add_argument("--device", default="cuda", help="cpu: only to try it")
    parser.add_argument("--parts", nargs="+", choices=MEASURED, default=[*MEASURED])
    parser.add_argument("--seconds", type=float, default=200, help="for all parts")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("There is no graphics card here. With one, this measures:")
        for name, text in MEASURED.items():
            print(f"- {name}: {text}")
        return 0
    start = time.perf_counter()
    config = SMALL if options.model == "small" else CONFIGS[options.model]
    peer = Peer if has_transformers() else None
    contest = Contest.create(config, options.device, peer, attentions=("eager",))
    figures: dict = {"model": config.name, "weights": contest.weights}
    figures["seconds"] = {"preparation": time.perf_counter() - start}
    with tempfile.TemporaryDirectory() as folder:
        for name, part in parts(options, contest, Path(folder)).items():
            if name not in options.parts:
                continue
            began = time.perf_counter()
            figures[name] = measured(part, options.seconds - (began - start))
            figures["seconds"][name] = time.perf_counter() - began
            gc.collect()
            if contest.device.type == "cuda":
                torch.cuda.empty_cache()
            text = json.dumps(figures, indent=2, default=float)
            options.json.write_text(text + "\n", "utf-8")
            print(name, json.dumps(figures[name], indent=1, default=float), flush=True)
    is_failed = any("failed" in (figures.get(name) or ()) for name in options.parts)
    return int(is_failed)


if __name__ == "__main__":
    sys.exit(main())
