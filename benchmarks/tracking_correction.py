"""How long it takes until a corrected object has been computed again.

The true masks of a sequence, played forwards and backwards to 100 frames, are the
tracks. In the frames before and after frame 50 one object is lost; a person says that
it is right in frame 50, and what depends on it is computed with the model, first with
nothing encoded (cold), then with the frames around it in the store (warm)::

    python benchmarks/tracking_correction.py --data DIR --set ctc_fluo_sim --json FILE

The result is ``{frames, objects, cold_seconds, cold_cpu_seconds, warm_seconds,
warm_cpu_seconds, n_filled}``.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

N_FRAMES, CORRECTED = 100, 50


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", default="ctc_fluo_sim")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--device", default=None)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(argv)
    from napari_segment_anything.batch.object_size import with_object_size
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.track_jobs import recompute_job
    from napari_segment_anything.engine.automatic_settings import AutomaticSettings
    from napari_segment_anything.models.load import load_model
    from napari_segment_anything.stacks.intensity import (
        IntensityRange,
        estimate_intensity_range,
    )
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
    from napari_segment_anything.tracking.correction import EditableTracks

    folder = options.data / options.set
    images = there_and_back(sorted((folder / "01").glob("t*.tif")))
    labels = there_and_back(sorted((folder / "01_GT" / "TRA").glob("man_track*.tif")))
    stack = Stack(images, "TYX")
    predictor = load_model(options.model, device=options.device)
    limits = estimate_intensity_range(stack)
    around = range(CORRECTED - 1, CORRECTED + 2)
    one = largest_lasting(labels[around.start : around.stop])
    figures: dict[str, float | int] = {
        "frames": N_FRAMES,
        "objects": len(np.unique(labels[CORRECTED])) - 1,
    }
    # Tracking has settled the size of objects before anybody corrects.
    settings = with_object_size(
        AutomaticSettings.for_model(predictor.config),
        stack,
        predictor,
        IntensityRange(*limits),
    )
    store = MemoryEmbeddingStore()
    for name in ("cold", "warm"):
        given = labels.copy()
        for frame in (around.start, around.stop - 1):
            given[frame][given[frame] == one] = 0
        tracks = EditableTracks(given)
        start, cpu_start = time.perf_counter(), time.process_time()
        job = recompute_job(
            stack,
            [(t,) for t in range(N_FRAMES)],
            predictor,
            store,
            tracks,
            (CORRECTED, one),
            intensity_range=limits,
            settings=settings,
        )
        done = run(job)
        figures[f"{name}_seconds"] = round(time.perf_counter() - start, 2)
        figures[f"{name}_cpu_seconds"] = round(time.process_time() - cpu_start, 2)
        tracks.apply(done.correction)
        figures["n_filled"] = sum((given[t] == one).any() for t in around) - 1
    figures["n_filled"] = int(figures["n_filled"])
    text = json.dumps(figures, indent=1)
    if options.json:
        options.json.write_text(text + "\n")
    print(text)
    return 0


def there_and_back(paths: Sequence[Path]) -> np.ndarray:
    """Read images, forwards and backwards, until there are enough."""
    frames = [tifffile.imread(path).astype(np.int32) for path in paths]
    cycle = frames + frames[-2:0:-1]
    return np.stack([cycle[t % len(cycle)] for t in range(N_FRAMES)])


def largest_lasting(labels: np.ndarray) -> int:
    """Id that is in each of the frames and has most pixels."""
    counts = [
        np.bincount(frame.ravel(), minlength=labels.max() + 1) for frame in labels
    ]
    least = np.min(counts, axis=0)
    least[0] = 0
    return int(least.argmax())


if __name__ == "__main__":
    sys.exit(main())
