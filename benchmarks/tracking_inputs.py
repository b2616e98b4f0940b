"""Masks for the tracking benchmark that no model has found: true or damaged."""

from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

Labels = list[np.ndarray]

REMOVED, MERGED, SPLIT = 0.10, 0.05, 0.05


def true_masks(folder: Path, sequence: str) -> Labels:
    """Silver masks, completed by the tracking markers of objects that have none."""
    frames = []
    for path in sorted((folder / f"{sequence}_GT" / "TRA").glob("man_track*.tif")):
        markers = tifffile.imread(path).astype(np.int32)
        number = path.name.removeprefix("man_track")
        silver = folder / f"{sequence}_ST" / "SEG" / f"man_seg{number}"
        labels = markers
        if silver.is_file():
            labels = tifffile.imread(silver).astype(np.int32)
            is_missing = np.isin(markers, np.setdiff1d(markers, labels))
            labels = np.where((labels == 0) & is_missing, markers, labels)
        frames.append(labels)
    return frames


def damaged(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Remove 10 % of the objects, merge 5 % of touching pairs, split 5 %.

    The shares are probabilities; each object suffers one damage at most.
    """
    result = labels.copy()
    ids = np.unique(labels[labels > 0])
    is_hit = dict.fromkeys(ids.tolist(), False)
    for one in ids.tolist():
        if rng.random() < REMOVED:
            result[labels == one] = 0
            is_hit[one] = True
    for one, other in touching_pairs(labels):
        if rng.random() < MERGED and not (is_hit[one] or is_hit[other]):
            result[labels == other] = one
            is_hit[one] = is_hit[other] = True
    next_id = int(ids.max(initial=0)) + 1
    for one in ids.tolist():
        if rng.random() < SPLIT and not is_hit[one]:
            split(result, one, next_id)
            next_id += 1
    return result


def touching_pairs(labels: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of ids that lie side by side, one pixel apart at most."""
    wide = ndimage.maximum_filter(labels, 3)
    pairs: set[tuple[int, int]] = set()
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        moved = np.roll(wide, (dy, dx), axis=(0, 1))
        is_pair = (wide > 0) & (moved > 0) & (wide != moved)
        found = np.unique(np.stack([wide[is_pair], moved[is_pair]], axis=1), axis=0)
        pairs |= {(min(a, b), max(a, b)) for a, b in found.tolist()}
    return sorted(pairs)


def split(labels: np.ndarray, one: int, new_id: int) -> None:
    """Give the pixels on one side of an object's middle a new id."""
    pixels = np.argwhere(labels == one)
    if len(pixels) < 2:
        return
    centred = pixels - pixels.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    side = pixels[centred @ axes[0] > 0]
    labels[tuple(side.T)] = new_id
