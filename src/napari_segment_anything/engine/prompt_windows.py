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
# A box smaller than this part of a window, 20 pixels of a frame of 512, is looked at
# from closer: of all that was tried on validation images the best.
_SMALL_SHARE = 0.04
# So is what points show, if it is smaller than this: 40 pixels of a frame of 512.
# With more, ever more clicks need a window of their own.
_SMALL_ANSWER = 5 / 64


class PromptWindows:
    """Overlapping windows of a plane, on levels of which each shows twice as much.

    Parameters
    ----------
    plane_shape : tuple of int
        (H, W) of the plane in pixels.
    side : int
        Of the windows in which most prompts are answered, in pixels.
    overlap : float
        Least overlap of neighbours as part of their side.
    n_closer : int
        Levels of smaller windows, for boxes that are small in those.

    Attributes
    ----------
    sides : list of int
        Of the windows of each level, in pixels, finest first, the whole plane last.
    n_closer : int
        How many of these levels are for small boxes.
    """

    def __init__(
        self,
        plane_shape: tuple[int, int],
        side: int,
        overlap: float,
        n_closer: int = 0,
    ) -> None:
        self.plane_shape = plane_shape
        self._overlap = overlap
        whole = max(plane_shape)
        side = min(side, whole)
        self.sides = [max(1, side >> k) for k in range(n_closer, 0, -1)]
        while side < whole:
            self.sides.append(side)
            side *= 2
        self.sides.append(whole)
        self.n_closer = n_closer

    def first_levels(self, prompts: Prompts) -> npt.NDArray[np.intp]:
        """Finest level whose windows show each prompt with its surroundings."""
        levels = np.zeros(prompts.n_objects, np.intp)
        if prompts.masks is not None:
            return levels + len(self.sides) - 1
        lengths = np.ptp(corners_of(prompts), axis=1)
        size = np.sqrt(lengths.prod(axis=1))
        for level, side in enumerate(self.sides[:-1]):
            is_too_close = lengths.max(axis=1) > _LARGEST_SHARE * side
            if level < self.n_closer:
                is_too_close |= size >= _SMALL_SHARE * self.sides[level + 1]
                # Points do not tell how large their object is.
                is_too_close |= prompts.boxes is None
            levels[is_too_close] = level + 1
        return levels

    def look_closer(
        self,
        prompts: Prompts,
        levels: npt.NDArray[np.intp],
        areas: npt.NDArray[np.integer],
    ) -> npt.NDArray[np.bool_]:
        """Which points, first answered on levels, show so little that they go closer.

        Parameters
        ----------
        prompts : Prompts
            N objects, by points alone.
        levels : ndarray
            (N,) their `first_levels`.
        areas : ndarray
            (N,) pixels of the answers.
        """
        if self.n_closer == 0:
            return np.zeros(prompts.n_objects, bool)
        sides = np.asarray(self.sides)[levels]
        # A closer window is to show all points inside with their surroundings, too.
        lengths = np.ptp(corners_of(prompts), axis=1).max(axis=1)
        fit = lengths <= _LARGEST_SHARE * self.sides[self.n_closer - 1]
        are_small = np.sqrt(areas) < _SMALL_ANSWER * sides
        chosen: npt.NDArray[np.bool_] = fit & are_small & (levels == self.n_closer)
        return chosen

    def assign(
        self, level: int, prompts: Prompts, members: npt.NDArray[np.intp]
    ) -> Iterator[tuple[Box, npt.NDArray[np.intp]]]:
        """Each window that is needed, and the prompts that it shows best."""
        if len(members) == 0:
            return
        side, (height, width) = self.sides[level], self.plane_shape
        halo = int(self._overlap * side)
        # Rows and columns each for themselves: small windows of a large plane are many.
        rows = tile_boxes((height, 1), side, halo)
        columns = tile_boxes((1, width), side, halo)
        centres = corners_of(prompts.select(members)).mean(axis=1)
        row = margins(centres, rows, (height, 1)).argmax(axis=0)
        column = margins(centres, columns, (1, width)).argmax(axis=0)
        owner = row * len(columns) + column
        for i in np.unique(owner):
            (y0, _, y1, _), (_, x0, _, x1) = (
                rows[i // len(columns)],
                columns[i % len(columns)],
            )
            yield (y0, x0, y1, x1), members[owner == i]
