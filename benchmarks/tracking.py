"""Score tracks against ground truth of the Cell Tracking Challenge.

For each folder DIR/SET with the challenge's layout (``01/tNNN.tif``, ``01_GT/TRA``,
and ``01_ST/SEG`` or ``01_GT/SEG``), measured by the package py-ctcmetrics::

    python benchmarks/tracking.py --data DIR --sets A,B --sequence 01 --model nano \
        --variants plain,repaired --json FILE

Variants: ``truth`` links true masks, so that it measures linking alone; ``plain``
segments each frame by itself and links; ``repaired`` also prompts the model again where
tracks break; ``laptrack`` links the masks of ``plain`` with laptrack as it comes;
``damaged`` links true masks of which 10 % were removed, 5 % of touching pairs merged
and 5 % split; ``mended`` also repairs them with the model. The result is ``{SET:
{VARIANT: {DET, SEG, TRA, AOGM, division_f1, division_f1_within_2, frames, seconds}}}``:
divisions found in the very frame, and at most two frames off. Shapes are scored
(SEG) against silver truth where there is any, which has whole masks in every frame, and
otherwise against gold truth; null where there is none. Variants of a model share what
everything mode finds, so that only the first one's ``seconds`` contain the search.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile

try:
    from benchmarks.tracking_inputs import damaged, true_masks
except ImportError:  # run as a script
    from tracking_inputs import damaged, true_masks

if TYPE_CHECKING:
    from napari_segment_anything.batch.track_start import StartLabels

TrackRow = tuple[int, int, int, int]
Labels = list[np.ndarray]
Parents = dict[int, int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", required=True, help="names, separated by commas")
    parser.add_argument("--sequence", default="01")
    parser.add_argument("--model", default="nano", help="name or path of a model")
    parser.add_argument("--device", default=None)
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "auto"),
        default="float32",
        help="of the model; float32 gives the same figures on every processor",
    )
    parser.add_argument("--variants", default="plain,repaired")
    parser.add_argument("--limit", type=int, help="use only the first frames")
    parser.add_argument(
        "--margin",
        type=int,
        default=0,
        help="leave out objects that lie wholly within so many pixels of the edge, "
        "where the challenge annotates nothing",
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(argv)
    shared = tempfile.TemporaryDirectory()
    trackers: dict[str, Callable[[Path], tuple[Labels, Parents]]] = {
        "truth": lambda folder: link_frames(true_frames(folder, options)),
        "damaged": lambda folder: link_frames(damaged_frames(folder, options)),
        "mended": lambda folder: mend(folder, options, Path(shared.name)),
        "laptrack": lambda folder: link_with_laptrack(
            track(folder, options, Path(shared.name), repair=False)[0]
        ),
        "plain": lambda folder: track(folder, options, Path(shared.name), repair=False),
        "repaired": lambda folder: track(
            folder, options, Path(shared.name), repair=True
        ),
    }
    variants = options.variants.split(",")
    unknown = set(variants) - set(trackers)
    if unknown:
        parser.error(f"unknown variants {sorted(unknown)}; choose from {[*trackers]}")
    figures: dict[str, dict[str, dict[str, float | int | None]]] = {}
    for name in options.sets.split(","):
        folder = options.data / name
        if not (folder / f"{options.sequence}_GT" / "TRA").is_dir():
            parser.error(f"{folder} has no {options.sequence}_GT/TRA")
        for variant in variants:
            start = time.perf_counter()
            labels, parents = trackers[variant](folder)
            seconds = time.perf_counter() - start
            labels = [without_margin(image, options.margin) for image in labels]
            scores = score(folder, options.sequence, labels, parents)
            scores |= {"frames": len(labels), "seconds": round(seconds, 2)}
            figures.setdefault(name, {})[variant] = scores
            print(name, variant, json.dumps(scores), file=sys.stderr, flush=True)
            # After each variant, so that an interrupted run has not been for nothing.
            if options.json:
                options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if not options.json:
        print(json.dumps(figures, indent=1))
    return 0


def mend(
    folder: Path, options: argparse.Namespace, shared: Path
) -> tuple[Labels, Parents]:
    """Link damaged masks and repair them with the model; nothing is searched for."""
    from napari_segment_anything.batch.track_start import StartLabels

    frames = np.stack(damaged_frames(folder, options))
    start = StartLabels(frames, search="nothing", is_locked=False)
    return track(folder, options, shared, repair=True, start=start)


def damaged_frames(folder: Path, options: argparse.Namespace) -> Labels:
    """Damage true masks."""
    rng = np.random.default_rng(1)
    return [damaged(labels, rng) for labels in true_frames(folder, options)]


def true_frames(folder: Path, options: argparse.Namespace) -> Labels:
    """Read true masks with ids in random order, so that their order cannot help."""
    rng = np.random.default_rng(0)
    frames = []
    for labels in true_masks(folder, options.sequence)[: options.limit]:
        ids = np.unique(labels[labels > 0])
        lookup = np.zeros(labels.max() + 1, np.int32)
        lookup[ids] = rng.permutation(len(ids)) + 1
        frames.append(lookup[labels])
    return frames


def link_frames(frames: Labels) -> tuple[Labels, Parents]:
    """Link masks and do nothing else."""
    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.tracking.linking import link
    from napari_segment_anything.tracking.paint import paint_tracks

    masks = [MaskSet.from_labels(labels) for labels in frames]
    lineage = link(masks)
    painted = [
        paint_tracks(found, [lineage.track_of(t, k) for k in range(len(found))])
        for t, found in enumerate(masks)
    ]
    return painted, {row.id: row.parent for row in lineage.tracks}


def link_with_laptrack(labels: Labels) -> tuple[Labels, Parents]:
    """Link masks with laptrack as it comes, divisions switched on.

    Its defaults are distances in pixels between centroids, 15 at most; splitting, which
    is off by default, gets the same limit.
    """
    from laptrack import LapTrack
    from skimage.measure import regionprops

    coordinates, ids = [], []
    for image in labels:
        found = regionprops(image)
        centres = np.array([region.centroid for region in found]).reshape(-1, 2)
        coordinates.append(centres)
        ids.append([int(region.label) for region in found])
    tree = LapTrack(splitting_cutoff=15**2).predict(coordinates)
    n_objects = [len(frame) for frame in ids]
    links = sorted((tuple(map(int, a)), tuple(map(int, b))) for a, b in tree.edges())
    from napari_segment_anything.tracking.lineage import Lineage

    lineage = Lineage.from_links(n_objects, links)
    painted = []
    for t, image in enumerate(labels):
        lookup = np.zeros(int(image.max()) + 1, np.int32)
        for k, one in enumerate(ids[t]):
            lookup[one] = lineage.track_of(t, k)
        painted.append(lookup[image])
    return painted, {row.id: row.parent for row in lineage.tracks}


def track(
    folder: Path,
    options: argparse.Namespace,
    shared: Path,
    *,
    repair: bool,
    start: "StartLabels | None" = None,
) -> tuple[Labels, Parents]:
    """Segment and track the images with a model; ``shared`` keeps what was found."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.track import track_stack
    from napari_segment_anything.models.load import load_model
    from napari_segment_anything.stacks.open import open_stack
    from napari_segment_anything.storage.candidate_store import CandidateStore
    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

    stack = open_stack(folder / options.sequence, axes="TYX")
    if options.limit:
        stack = stack.select(T=slice(options.limit))
    result = run(
        track_stack(
            stack,
            load_model(
                options.model, device=options.device, precision=options.precision
            ),
            repair=repair,
            start=start,
            store=ZarrEmbeddingStore(shared / "embeddings"),
            candidates=CandidateStore(shared / "candidates"),
        )
    )
    parents = {row.id: row.parent for row in result.lineage.tracks}
    return list(np.asarray(result.labels)), parents


def without_margin(labels: np.ndarray, margin: int) -> np.ndarray:
    """Remove objects that do not reach the field within a margin of a frame.

    The challenge annotates only objects that lie at least partly in its field of
    interest, 25 or 50 pixels from the edge of most real sets.
    """
    if margin == 0:
        return labels
    inside = labels[margin:-margin, margin:-margin]
    return np.where(np.isin(labels, inside), labels, 0)


def challenge_tracks(labels: Labels, parents: Parents) -> tuple[Labels, list[TrackRow]]:
    """Cut tracks where their object is not to be seen, as the challenge wants it.

    The part after a gap gets an id of its own and the part before as its parent. What
    counts are the painted pixels: an object that others hide is not there.
    """
    seen: dict[int, list[int]] = {}
    for frame, image in enumerate(labels):
        for track_id in np.unique(image[image > 0]).tolist():
            seen.setdefault(track_id, []).append(frame)
    rows: list[TrackRow] = []
    parts: list[tuple[int, int, list[int]]] = []
    last_part: dict[int, int] = {}
    for track_id in sorted(seen, key=lambda i: seen[i][0]):
        cuts = np.flatnonzero(np.diff(seen[track_id]) > 1) + 1
        parent = last_part.get(parents.get(track_id, 0), 0)
        for frames in np.split(np.asarray(seen[track_id]), cuts):
            new_id = len(rows) + 1
            rows.append((new_id, int(frames[0]), int(frames[-1]), parent))
            parts.append((track_id, new_id, frames.tolist()))
            parent = last_part[track_id] = new_id
    new_labels = [np.zeros(image.shape, np.uint16) for image in labels]
    table = [dict[int, int]() for _ in labels]
    for track_id, new_id, frames in parts:
        for frame in frames:
            table[frame][track_id] = new_id
    for image, new, ids in zip(labels, new_labels, table, strict=True):
        present, inverse = np.unique(image, return_inverse=True)
        lookup = np.array([ids.get(int(i), 0) for i in present], np.uint16)
        new[:] = lookup[inverse.reshape(image.shape)]
    return new_labels, rows


def score(
    folder: Path, sequence: str, labels: Labels, parents: Parents
) -> dict[str, float | int | None]:
    """Score painted tracks with py-ctcmetrics."""
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    n_frames = len(labels)
    painted, rows = challenge_tracks(labels, parents)
    with tempfile.TemporaryDirectory() as temporary:
        result, truth = Path(temporary) / "result", Path(temporary) / "truth"
        result.mkdir()
        for frame, image in enumerate(painted):
            tifffile.imwrite(result / f"mask{frame:03d}.tif", image)
        np.savetxt(result / "res_track.txt", np.array(rows).reshape(-1, 4), fmt="%d")
        has_shapes = write_truth(folder, sequence, truth, n_frames)
        metrics = ["Valid", "DET", "TRA", "BC", *(["SEG"] if has_shapes else [])]
        # It prints; our output is JSON.
        with contextlib.redirect_stdout(io.StringIO()):
            scores = evaluate_sequence(str(result), str(truth), metrics, threads=1)
    rounded = {
        name: None if scores.get(name) is None else round(float(scores[name]), 4)
        for name in ("DET", "SEG", "TRA", "AOGM")
    }
    # BC(i) is the F1 score of divisions that are found at most i frames off.
    for name, measure in (("division_f1", "BC(0)"), ("division_f1_within_2", "BC(2)")):
        value = scores.get(measure)
        rounded[name] = None if value is None else round(float(value), 4)
    return rounded


def write_truth(folder: Path, sequence: str, target: Path, n_frames: int) -> bool:
    """Lay out the truth of the first frames; return whether it has shapes."""
    tracks = folder / f"{sequence}_GT" / "TRA"
    (target / "TRA").mkdir(parents=True)
    (target / "SEG").mkdir()
    for path in sorted(tracks.glob("man_track*.tif"))[:n_frames]:
        (target / "TRA" / path.name).symlink_to(path.resolve())
    rows = np.loadtxt(tracks / "man_track.txt", dtype=int, ndmin=2)
    rows = rows[rows[:, 1] < n_frames]
    rows[:, 2] = np.minimum(rows[:, 2], n_frames - 1)
    np.savetxt(target / "TRA" / "man_track.txt", rows, fmt="%d")
    silver = folder / f"{sequence}_ST" / "SEG"
    gold = folder / f"{sequence}_GT" / "SEG"
    shapes = [
        path
        for path in sorted((silver if silver.is_dir() else gold).glob("man_seg*.tif"))
        if int(path.stem.removeprefix("man_seg").partition("_")[0]) < n_frames
    ]
    for path in shapes:
        (target / "SEG" / path.name).symlink_to(path.resolve())
    return bool(shapes)


if __name__ == "__main__":
    sys.exit(main())
