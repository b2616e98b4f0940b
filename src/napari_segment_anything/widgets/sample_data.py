"""Sample data of the *File* menu."""

from typing import Any


def simulated_cells() -> list[tuple[Any, dict[str, Any], str]]:
    """Make a short fluorescence time-lapse of nuclei that move and divide.

    Returns
    -------
    list of tuple
        One image layer, (12, 256, 256) uint16 with the axes T, Y, X.
    """
    from napari_segment_anything.stacks.simulated import simulate_cells

    images = simulate_cells().images
    return [(images, {"name": "cells", "axis_labels": ("T", "Y", "X")}, "image")]
