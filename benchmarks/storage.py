"""What stores and stacks cost: overlap of a job, opening a ready plane, chunks read.

    python benchmarks/storage.py --json storage.json [--model nano] [--frames 40]

*overlap*: wall time of `embed` from a zarr on disk into a store on disk, over the time
that the same planes take to be encoded alone, from memory into nothing. 1 means that
reading and writing are hidden behind the encoding.
*ready plane*: milliseconds from the pixels of a plane to its embedding (256 × 64 × 64,
as of SAM) in a store on disk, over the time that numpy takes to load the same features.
*chunks*: chunks that are read for one plane, over the chunks that hold it.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
import zarr
from zarr.storage import MemoryStore

from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.progress import run
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.models.load import load_model
from napari_segment_anything.stacks.intensity import estimate_intensity_range
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.embedding_store import plane_key
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

LENGTHS = {"T": 3, "C": 2, "Z": 4, "Y": 64, "X": 96}


def main() -> None:
    """Measure, print a line each and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano", help="name or weights file")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--frame", type=int, default=512, help="side of a frame")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    predictor = load_model(arguments.model, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        report = {
            "machine": platform.platform(),
            "model": arguments.model,
            "threads": torch.get_num_threads(),
            "overlap": overlap(
                predictor, place, arguments.frames, arguments.frame, arguments.rounds
            ),
            "ready_plane": ready_plane(place, arguments.rounds * 10),
            "chunks": chunks(),
        }
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def overlap(
    predictor: MaskPredictor, place: Path, n_frames: int, side: int, n_rounds: int
) -> dict:
    """Compare `embed` on disk with encoding alone, in turn."""
    frames = simulate_cells(n_frames, (side, side)).images
    zarr.create_array(place / "movie.zarr", data=frames, chunks=(1, side, side))
    limits = estimate_intensity_range(Stack(frames, "TYX"))
    predictor.embed(frames[0], intensity_range=limits)
    alone, whole = [], []
    for number in range(n_rounds):
        alone.append(seconds_of(lambda: encode_all(predictor, frames, limits)))
        stack = open_stack(place / "movie.zarr", axes="TYX")
        store = ZarrEmbeddingStore(place / f"store-{number}")
        job = embed_stack(stack, predictor, store, intensity_range=limits)
        whole.append(seconds_of(lambda job=job: run(job)))
    # Pairs stand next to each other in time; a busy moment meets both.
    ratios = [b / a for a, b in zip(alone, whole, strict=True)]
    result = {
        "encoding_s": statistics.median(alone),
        "embed_s": statistics.median(whole),
        "ratio": statistics.median(ratios),
        "n_frames": n_frames,
        "frame": [side, side],
    }
    print(
        f"overlap      embed {result['embed_s']:.2f} s, encoding alone "
        f"{result['encoding_s']:.2f} s: ×{result['ratio']:.3f}",
        flush=True,
    )
    return result


def encode_all(
    predictor: MaskPredictor, frames: np.ndarray, limits: tuple[float, float]
) -> None:
    """Encode planes that are in memory already, and keep nothing."""
    for frame in frames:
        predictor.embed(frame, intensity_range=limits)


def ready_plane(place: Path, n_rounds: int) -> dict:
    """Find the embedding of a plane by its content."""
    rng = np.random.default_rng(0)
    plane = rng.integers(0, 4000, (1024, 1024), dtype=np.uint16)
    geometry = FrameGeometry(plane.shape, 1024)
    features = rng.normal(size=(1, 256, 64, 64)).astype(np.float32)
    limits, digest = (0.0, 4000.0), "0" * 64
    store = ZarrEmbeddingStore(place / "ready")
    np.save(place / "features.npy", features.astype(np.float16))

    def key() -> str:
        return plane_key(
            plane, intensity_range=limits, geometry=geometry, model_digest=digest
        )

    embedding = ImageEmbedding(torch.from_numpy(features), geometry, limits, digest)
    store.put(key(), embedding)
    works: dict[str, Callable[[], object]] = {
        "found": lambda: store.get(key()),
        "numpy": lambda: np.load(place / "features.npy").astype(np.float32),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_rounds):
        for name, work in works.items():
            seconds[name].append(seconds_of(work))
    found, numpy = (statistics.median(seconds[name]) for name in works)
    slowest = sorted(seconds["found"])[int(0.9 * n_rounds)]
    print(
        f"ready plane  {found * 1e3:.1f} ms (nine of ten within {slowest * 1e3:.1f} ms)"
        f", numpy {numpy * 1e3:.1f} ms: ×{found / numpy:.1f}",
        flush=True,
    )
    return {
        "found_s": found,
        "ninth_decile_s": slowest,
        "numpy_s": numpy,
        "ratio": found / numpy,
    }


def chunks() -> dict:
    """Count the chunks read for one plane, in every order of five axes."""
    ratios = []
    for order in permutations("TCZYX"):
        store = CountingStore()
        array = zarr.create_array(
            store,
            shape=tuple(LENGTHS[axis] for axis in order),
            chunks=tuple(16 if axis in "YX" else 1 for axis in order),
            dtype=np.uint16,
        )
        stack = Stack(array, "".join(order), channel=1)
        store.n_read = 0
        stack.read(tuple(1 for _ in stack.index_axes))
        ratios.append(store.n_read / (LENGTHS["Y"] // 16 * LENGTHS["X"] // 16))
    print(
        f"chunks       ×{min(ratios):.0f} to ×{max(ratios):.0f} of {len(ratios)} orders"
    )
    return {"least_ratio": min(ratios), "most_ratio": max(ratios), "n": len(ratios)}


class CountingStore(MemoryStore):
    """Counts the chunks that are asked for; those that were never written, too."""

    def __init__(self) -> None:
        super().__init__()
        self.n_read = 0

    async def get(self, key: str, *args: object, **options: object) -> object:
        """Return what is stored under a key."""
        self.n_read += key.startswith("c/")
        return await super().get(key, *args, **options)


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
