"""In which order the planes of a stack are embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# Someone who scrolls forwards looks at twice as many planes ahead as behind.
_COST_BEHIND = 2


def outward(
    shape: tuple[int, ...],
    focus: tuple[int, ...],
    *,
    axis: int = 0,
    direction: int = 1,
) -> npt.NDArray[np.int64]:
    """Order planes outward from the one that is shown.

    Planes along the axis that is scrolled come before all others, and planes in the
    direction of scrolling before as many that lie behind.

    Parameters
    ----------
    shape : tuple of int
        Planes along each index axis; ``()`` for a single plane.
    focus : tuple of int
        The plane that is shown; it comes first.
    axis : int, optional
        Position of the axis that is scrolled.
    direction : int, optional
        Positive when scrolling forwards, negative when backwards.

    Returns
    -------
    ndarray
        (n_planes, n_axes) index of each plane, the first to embed first.
    """
    n_planes = int(np.prod(shape, dtype=np.int64))
    if not shape:
        return np.zeros((1, 0), dtype=np.int64)
    indices = np.stack(np.unravel_index(np.arange(n_planes), shape), axis=1)
    steps = indices - np.asarray(focus)
    along = steps[:, axis] * (1 if direction >= 0 else -1)
    cost = np.where(along >= 0, along, -along * _COST_BEHIND)
    aside = np.abs(np.delete(steps, axis, axis=1)).sum(axis=1)
    order = np.lexsort((along < 0, cost, aside))
    return indices[order]
