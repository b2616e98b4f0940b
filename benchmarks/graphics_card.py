"""All that is to be known of a graphics card, in one call.

    python benchmarks/graphics_card.py --json card.json [--model vit_h] [--planes 200]

Without a card it says what it would measure. `--device cpu --model small --planes 4`
tries the same at small size on any machine; its figures mean nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import zarr
from measuring import describe_machine, extra_memory, seconds_of
from published_order import one_point_each
from speed import FULL, QUICK, SMALL, everything, has_transformers
from stages import Contest
from torch.utils.flop_counter import FlopCounterMode
from transformers_peer import Peer

from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.engine.placed_sam import PlacedSam
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.stacks.stack import Stack

MEASURED = {
    "encoder": "image encoder in bfloat16, by batch: eager, as a CUDA graph, compiled; "
    "share of the card's matrix-product rate (aim 0.5), seconds before the first plane",
    "prompt": "one prompt in milliseconds (aim 3)",
    "everything": "everything mode against transformers in float32 eager (aim 8 times "
    "as fast), with the share of its masks that are found",
    "series": "a series of planes from zarr to labels: share of time in which the card "
    "is busy (aim 0.9), planes a second, peak memory",
    "memory": "what is told, and still answered, as the card's memory gets smaller",
}
_BATCHES = (1, 2, 4, 8)
_N_ROUNDS = 5


def encoder(contest: Contest, is_quick: bool) -> dict:
    """Rate of the image encoder, by batch and by how its kernels are launched."""
    sam = contest.predictors["bfloat16"]._sam
    side, device = sam.config.image_size, contest.device
    found: dict = {"batches": {}}
    with torch.inference_mode():
        image = torch.zeros(1, 3, side, side, device=device)
        with FlopCounterMode(display=False) as counter:
            sam.encode(image)
        flops = found["gflop_a_plane"] = counter.get_total_flops() / 1e9
        for n in _BATCHES[: 2 if is_quick else None]:
            images = image.expand(n, -1, -1, -1).contiguous()
            forms: dict[str, Callable[[], object]] = {
                "eager": lambda images=images: sam.encode(images)
            }
            if device.type == "cuda":
                forms["graph"] = captured(sam.encode, images)
                compiled = torch.compile(sam.encode)
                forms["compiled"] = lambda images=images, f=compiled: f(images)
            for name, work in forms.items():
                first = seconds_of(work)
                best = min(seconds_of(work) for _ in range(1 if is_quick else 10))
                entry = {
                    "first_s": first,
                    "ms_a_plane": best / n * 1e3,
                    "gflops": flops * n / best,
                }
                found["batches"].setdefault(str(n), {})[name] = entry
                print(f"encoder, {n} together, {name}: {entry}", flush=True)
    return found


def captured(
    encode: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor
) -> Callable[[], None]:
    """Encode as a CUDA graph: kernels are launched all at once."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        encode(images)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        encode(images)
    return graph.replay


def one_prompt(contest: Contest, is_quick: bool) -> dict:
    """Milliseconds from one point to its low-resolution masks on the CPU."""
    predictor = contest.predictors["bfloat16"]
    embedding = contest.embeddings["bfloat16"]
    prompts = one_point_each(np.array([[min(contest.shape) / 2] * 2]))

    def answer() -> object:
        return predictor.decode(embedding, prompts)[0].cpu()

    seconds = [seconds_of(answer) for _ in range(3 if is_quick else 50)]
    return {"median_ms": float(np.median(seconds[1:])) * 1e3}


def series(contest: Contest, n_planes: int) -> dict:
    """Everything mode over a series on disk, and how busy the card is meanwhile."""
    predictor = contest.predictors["bfloat16"]
    side = contest.shape[0]
    cells = simulate_cells(4, (side, side)).images
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        movie = zarr.create_array(
            place / "movie.zarr",
            shape=(n_planes, side, side),
            chunks=(1, side, side),
            dtype=cells.dtype,
        )
        for t in range(n_planes):  # no plane equals another
            movie[t] = np.roll(cells[t % 4], t // 4, axis=1)
        job = segment_stack(
            Stack(movie, "TYX", name="movie"),
            predictor,
            output=place / "labels.ome.zarr",
            copy_image=False,
        )
        with BusyCard(contest.device) as card:
            start = time.perf_counter()
            peak, result = extra_memory(lambda: run(job))
            seconds = time.perf_counter() - start
    return {
        "n_planes": n_planes,
        "seconds": seconds,
        "planes_a_second": n_planes / seconds,
        "n_objects": result.n_objects,
        "seconds_by_activity": dict(result.seconds),
        "busy_share": card.share,
        "peak_mib": peak / 2**20,
    }


class BusyCard:
    """Asks the driver ten times a second for how much of the time kernels ran."""

    def __init__(self, device: torch.device) -> None:
        self._is_asked = device.type == "cuda"
        self._samples: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._index = device.index or 0

    def __enter__(self) -> "BusyCard":
        if self._is_asked:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._is_asked:
            self._thread.join()

    @property
    def share(self) -> float | None:
        """Mean share of time, 0..1; None where no driver can be asked."""
        return float(np.mean(self._samples)) / 100 if self._samples else None

    def _ask(self) -> None:
        command = ["nvidia-smi", f"--id={self._index}", "--format=csv,noheader,nounits"]
        command.append("--query-gpu=utilization.gpu")
        while not self._over.wait(0.1):
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            self._samples.append(float(answer.stdout))


def little_memory(contest: Contest) -> list[dict]:
    """Encode a batch with ever less of the card's memory; what is told, and by whom."""
    device = contest.device
    if device.type != "cuda":
        return []
    told = []
    planes = [contest.image] * 4
    exact = contest.embeddings["float32"].features
    for share in (0.5, 0.1, 0.05, 0.02):
        # Its own copy: what falls back to the CPU stays there.
        contest_again = Contest.create(contest.plain.config, "cpu", None)
        sam = contest_again.predictors["float32"]._sam
        torch.cuda.set_per_process_memory_fraction(share)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            predictor = MaskPredictor(PlacedSam(sam, device))
            found = predictor.embed_batch(planes, (0, 255))[0].features
        error = (found.cpu() - exact.cpu()).norm() / exact.cpu().norm()
        told.append(
            {
                "share_of_memory": share,
                "told": [str(warning.message) for warning in caught],
                "embedding_error": float(error),
            }
        )
        del predictor, sam, contest_again
        torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1.0)
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the options, measure, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, metavar="FILE")
    parser.add_argument("--model", default="vit_h", choices=[*CONFIGS, "small"])
    parser.add_argument("--planes", type=int, default=200, help="of the series")
    parser.add_argument("--device", default="cuda", help="cpu: only to try it")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("There is no graphics card here. With one, this measures:")
        for name, text in MEASURED.items():
            print(f"- {name}: {text}")
        return 0
    is_quick = options.device == "cpu"
    config = SMALL if options.model == "small" else CONFIGS[options.model]
    contest = Contest.create(
        config, options.device, Peer if has_transformers() else None
    )
    # The reference is the plain form, in single precision.
    contest.peers = {k: v for k, v in contest.peers.items() if k.endswith("eager")}
    scale = replace(QUICK if is_quick else FULL, n_rounds=1 if is_quick else _N_ROUNDS)
    figures: dict = {"model": config.name, "weights": contest.weights}
    figures["machine"] = machine = describe_machine(contest.device)
    figures["encoder"] = encoder(contest, is_quick)
    rate = machine["gflops"]["bfloat16"]
    figures["encoder"]["best_share_of_matrix_product"] = max(
        entry["gflops"] / rate
        for forms in figures["encoder"]["batches"].values()
        for entry in forms.values()
    )
    figures["prompt"] = one_prompt(contest, is_quick)
    figures["everything"] = everything(contest, scale)
    figures["series"] = series(contest, options.planes)
    figures["memory"] = little_memory(contest)
    options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    for name in ("prompt", "series", "memory"):
        print(name, json.dumps(figures[name], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
