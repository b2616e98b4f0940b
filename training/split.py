"""Which images train, which choose, which test; frozen in ``splits.json``.

Still images are split by the SHA-256 of their names; volumes by z, with slices left out
between the parts, because neighbouring slices look alike. Run this file to write
``splits.json`` anew; a test compares the two.
"""

import argparse
import hashlib
import json
from pathlib import Path

from skimage.io import imread

SPLITS_FILE = Path(__file__).parent / "splits.json"
STILL_SETS = ("dsb2018", "usiigaci_phase")
VOLUME_SETS = ("em_fibsem_medulla", "vol3d_small")
TRAIN_ONLY_SETS = ("baby_yeast", "neubias_small")
VALIDATION_SHARE, TEST_SHARE = 0.07, 0.18
SLICES_LEFT_OUT = 3


def _unit_hash(name: str) -> float:
    return int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) / 16**12


def _split_stills(folder: Path) -> dict[str, list[str]]:
    names = sorted(p.stem for p in (folder / "images").iterdir())
    ranked = sorted(names, key=_unit_hash)
    n_test = max(1, round(TEST_SHARE * len(names)))
    n_validation = max(1, round(VALIDATION_SHARE * len(names)))
    return {
        "test": sorted(ranked[:n_test]),
        "validation": sorted(ranked[n_test : n_test + n_validation]),
        "train": sorted(ranked[n_test + n_validation :]),
    }


def _split_volumes(folder: Path) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {"test": [], "validation": [], "train": []}
    for path in sorted((folder / "images").iterdir()):
        n_slices = len(imread(path))
        n_test = round(TEST_SHARE * n_slices)
        n_validation = max(1, round(VALIDATION_SHARE * n_slices))
        ends = {
            "test": n_slices,
            "validation": n_slices - n_test - SLICES_LEFT_OUT,
            "train": n_slices - n_test - n_validation - 2 * SLICES_LEFT_OUT,
        }
        starts = {
            "test": n_slices - n_test,
            "validation": ends["validation"] - n_validation,
            "train": 0,
        }
        for part, names in parts.items():
            names += [f"{path.stem}:{z}" for z in range(starts[part], ends[part])]
    return parts


def make_splits(data: Path) -> dict[str, dict[str, list[str]]]:
    """Split every set that may train shipped weights: set, part, names."""
    splits = {name: _split_stills(data / name) for name in STILL_SETS}
    splits |= {name: _split_volumes(data / name) for name in VOLUME_SETS}
    for name in TRAIN_ONLY_SETS:
        stems = sorted(p.stem for p in (data / name / "images").iterdir())
        splits[name] = {"test": [], "validation": [], "train": stems}
    return splits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    SPLITS_FILE.write_text(json.dumps(make_splits(arguments.data), indent=1) + "\n")
