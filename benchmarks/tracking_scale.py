"""Time and memory of linking and repair on a long simulated movie, without an encoder.

Disks wander over a plane; of each hundred, two are missed in each frame. A stand-in for
the mask decoder answers with the true disk at once, so that what is measured is linking
and repair, breaks and judgements included::

    python benchmarks/tracking_scale.py --frames 1000 --objects 300 --json FILE

The result is ``{frames, objects, seconds, cpu_seconds, n_tracks, n_repaired, masks_mb,
extra_mb}``: memory of the masks before, and what the work added at its peak.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SIDE, RADIUS, MISSED = 1024, 10, 0.02
HALF = RADIUS + 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--objects", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(argv)
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.engine.packed_masks import packed
    from napari_segment_anything.tracking.propagation import track_masks

    rng = np.random.default_rng(0)
    before = peak_mb()
    truth = centres(options.frames, options.objects, rng)
    frames = [
        packed(
            disks(at[rng.random(len(at)) >= MISSED if t else np.ones(len(at), bool)])
        )
        for t, at in enumerate(truth)
    ]
    masks = peak_mb()
    start, cpu_start = time.perf_counter(), time.process_time()
    result = run(track_masks(frames, Truth(truth)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    figures = {
        "frames": options.frames,
        "objects": options.objects,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "n_tracks": result.lineage.n_tracks,
        "n_repaired": len(result.repairs),
        "masks_mb": round(masks - before),
        "extra_mb": round(peak_mb() - masks),
    }
    text = json.dumps(figures, indent=1)
    if options.json:
        options.json.write_text(text + "\n")
    print(text)
    return 0


def centres(n_frames: int, n_objects: int, rng: np.random.Generator) -> np.ndarray:
    """Centres of wandering disks, (frames, objects, 2)."""
    steps = rng.normal(0, 2, (n_frames, n_objects, 2))
    steps[0] = rng.uniform(2 * HALF, SIDE - 2 * HALF, (n_objects, 2))
    # Reflected at the borders, so that nothing leaves.
    low, width = HALF, SIDE - 2 * HALF
    folded = (np.cumsum(steps, axis=0) - low) % (2 * width)
    return np.where(folded > width, 2 * width - folded, folded) + low


def disks(at: np.ndarray) -> "MaskSet":  # noqa: F821
    """Masks of disks at these centres."""
    from napari_segment_anything.engine.mask_set import MaskSet

    y, x = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    disk = y**2 + x**2 <= RADIUS**2
    whole = np.rint(at).astype(int)
    corners = np.clip(whole - HALF, 0, SIDE - 2 * HALF - 1)
    boxes = np.concatenate([corners, corners + 2 * HALF + 1], axis=1)
    masks = [disk.copy() for _ in boxes]
    return MaskSet.from_masks((SIDE, SIDE), boxes, masks, points=whole)


class Truth:
    """Answers prompts with the true disk that is nearest to the first point."""

    def __init__(self, truth: np.ndarray) -> None:
        self._truth = truth

    def predict(self, frame: int, prompts: "Prompts") -> "MaskSet":  # noqa: F821
        """Answer each prompt with three times the same mask."""
        from napari_segment_anything.engine.mask_set import MaskSet

        points = np.asarray(prompts.points)[:, 0]
        distance = np.linalg.norm(self._truth[frame][None] - points[:, None], axis=2)
        found = disks(self._truth[frame][distance.argmin(axis=1)])
        scores = np.where(distance.min(axis=1) < RADIUS, 0.9, 0.1)
        three = np.repeat(np.arange(len(points)), 3)
        chosen = found.select(three)
        return MaskSet.from_masks(
            chosen.shape,
            chosen.boxes,
            chosen.masks,
            predicted_iou=scores[three],
            points=chosen.points,
        )


def peak_mb() -> float:
    """Peak memory of this process, MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
