"""Synthetic planes of many kinds, for what the sets of real images lack."""

import numpy as np

from .planes import Plane, make_plane
from .synthetic_colour import everyday_shapes, stain
from .synthetic_curves import filaments, rods
from .synthetic_grey import (
    cell_tiling,
    electron,
    fluorescent_nuclei,
    phase_contrast,
    relief,
)

KINDS = {
    "phase": phase_contrast,
    "relief": relief,
    "nuclei": fluorescent_nuclei,
    "tiling": cell_tiling,
    "electron": electron,
    "stain": stain,
    "rods": rods,
    "filaments": filaments,
    "shapes": everyday_shapes,
}
SIDES = (256, 512)
MIN_OBJECTS = 2


def make_synthetic_planes(n_planes: int, seed: int) -> list[Plane]:
    """Draw planes, the kinds in turn.

    Each plane has a generator of its own, so that a longer list begins with the shorter
    one of the same seed.

    Parameters
    ----------
    n_planes : int
        How many.
    seed : int
        Of the generators.

    Returns
    -------
    list of Plane
        Named ``KIND:i``, of the set ``synthetic``, 256 to 512 pixels a side.
    """
    return [make_synthetic_plane(i, seed) for i in range(n_planes)]


def make_synthetic_plane(index: int, seed: int) -> Plane:
    """Draw one plane of the list that ``make_synthetic_planes`` returns."""
    kind = list(KINDS)[index % len(KINDS)]
    rng = np.random.default_rng([seed, index])
    while True:
        height, width = (int(side) for side in rng.integers(*SIDES, 2, endpoint=True))
        image, labels = KINDS[kind](rng, (height, width))
        if labels.max() >= MIN_OBJECTS:
            return make_plane("synthetic", f"{kind}:{index}", image, labels)
