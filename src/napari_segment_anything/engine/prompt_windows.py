"""Which window of a plane shows a prompt with its surroundings."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.prompt_bounds import corners_of
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.tiling import margins, tile_boxes

# A window shows at least this much more than the prompt itself, on each side.
_LARGEST_SHARE = 0.5


class PromptWindows:
    """Overlapping windows of a plane, on levels of which each shows twice as much.

    Parameters
    ----------
    plane_shape : tuple of int
        (H, W) of the plane in pixels.
    side : int
        Of the finest windows, in pixels.
    overlap : float
        Least overlap of neighbours as part of their side.

    Attributes
    ----------
    levels : list of list of tuple
        Half-open boxes of the windows, finest first, the whole plane last.
    """

    def __init__(self, plane_shape: tuple[int, int], side: int, overlap: float) -> None:
        self.plane_shape = plane_shape
        self.levels: list[list[Box]] = []
        while side < max(plane_shape):
            self.levels.append(tile_boxes(plane_shape, side, int(overlap * side)))
            side *= 2
        self.levels.append([(0, 0, *plane_shape)])

    def first_levels(self, prompts: Prompts) -> npt.NDArray[np.intp]:
        """Finest level whose windows show each prompt with its surroundings."""
        levels = np.zeros(prompts.n_objects, np.intp)
        if prompts.masks is not None:
            return levels + len(self.levels) - 1
        extent = np.ptp(corners_of(prompts), axis=1).max(axis=1)
        for level, windows in enumerate(self.levels[:-1]):
            y0, x0, y1, x1 = windows[0]
            side = max(y1 - y0, x1 - x0)
            levels[extent > _LARGEST_SHARE * side] = level + 1
        return levels

    def assign(
        self, level: int, prompts: Prompts, members: npt.NDArray[np.intp]
    ) -> Iterator[tuple[Box, npt.NDArray[np.intp]]]:
        """Each window that is needed, and the prompts that it shows best."""
        windows = self.levels[level]
        if len(windows) == 1:
            if len(members):
                yield windows[0], members
            return
        if len(members) == 0:
            return
        centres = corners_of(prompts.select(members)).mean(axis=1)
        owner = margins(centres, windows, self.plane_shape).argmax(axis=0)
        for i in np.unique(owner):
            yield windows[i], members[owner == i]
