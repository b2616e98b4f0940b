"""One intensity range for a whole stack, from a sample of its planes."""

from typing import NamedTuple

import numpy as np

from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.square import Squared
from napari_segment_anything.stacks.stack import Stack

_MAX_PIXELS = 2**18


class IntensityRange(NamedTuple):
    """Intensities that become black and white, in the units of the image."""

    low: float
    high: float


def estimate_intensity_range(
    stack: Stack,
    *,
    percentiles: tuple[float, float] = (0.1, 99.9),
    n_planes: int = 8,
) -> IntensityRange:
    """Take percentiles over a sample of planes, evenly spread through the stack.

    One range for all planes keeps the brightness of a movie from flickering, and
    percentiles keep a single hot pixel from blackening it.

    Parameters
    ----------
    stack : Stack
        The stack; at most `n_planes` of its planes are read.
    percentiles : tuple of float, optional
        Percentages that become black and white.
    n_planes : int, optional
        How many planes to sample; the same ones each time.

    Returns
    -------
    IntensityRange
        Finite; NaN and infinite pixels are left out.

    Raises
    ------
    UnreadableInputError
        If a sampled plane cannot be read.
    """
    if isinstance(stack.data, Squared):
        # The range of the pixels as they are; embeddings are known by it.
        stack = stack.data.stack
    n_sampled = max(1, min(n_planes, stack.n_planes))
    numbers = np.linspace(0, stack.n_planes - 1, n_sampled).round().astype(int)
    pixels = []
    for number in numbers:
        index = np.unravel_index(number, stack.index_shape)
        plane = plane_of(stack, tuple(int(i) for i in index))
        step = max(1, int(np.ceil(np.sqrt(plane.size * n_sampled / _MAX_PIXELS))))
        pixels.append(plane[::step, ::step].ravel())
    low, high = percentile_range(np.concatenate(pixels)[np.newaxis], percentiles)
    return IntensityRange(float(low), float(high))
