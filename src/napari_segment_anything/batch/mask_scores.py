"""How sure the model was of each mask, also after tracks were renamed or corrected."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.track_result import Position
from napari_segment_anything.tracking.repair_settings import RepairedMask

# A mask may lose some pixels to a neighbour when both are painted into one image; one
# that somebody has drawn anew differs more.
_MAX_SHIFT = 0.5
_MAX_AREA_CHANGE = 0.02

COLUMNS = (
    "predicted_iou",
    "stability_score",
    "is_repaired",
    "repair",
    "confidence",
)
"""What is known of a mask besides its pixels, as in the table of a tracking job."""

_UNKNOWN = {"is_repaired": False, "repair": ""}


class MaskScores:
    """Scores of masks, found again by where the masks lie and how large they are.

    Ids change when tracks are cut, joined or swapped, and the masks stay. What was
    drawn by a person is another mask, of which nothing is known.

    Parameters
    ----------
    table : pandas.DataFrame
        As `tracks_table` makes it: one row per object and frame.
    axis : str
        Letter of the tracked axis.
    other_axes : str
        Letters of the axes beside it.
    plane_axes : tuple of str
        Axes of rows and columns.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        axis: str = "T",
        other_axes: str = "",
        plane_axes: tuple[str, str] = ("Y", "X"),
    ) -> None:
        self._keys = [axis.lower(), *other_axes.lower()]
        self._centre = [letter.lower() for letter in plane_axes]
        self._frames: dict[tuple[int, ...], pd.DataFrame] = {}
        self.add(table)

    def add(self, table: pd.DataFrame) -> None:
        """Take in masks that were computed later, in front of those known before."""
        wanted = [*self._keys, *self._centre, "area", *COLUMNS]
        for place, rows in table[wanted].groupby(self._keys, sort=False):
            place = tuple(map(int, place))
            known = [rows, *([self._frames[place]] if place in self._frames else [])]
            self._frames[place] = pd.concat(known, ignore_index=True)

    def add_repaired(self, position: Position, masks: Sequence[RepairedMask]) -> None:
        """Take in masks that repair has made after a correction."""
        if not masks:
            return
        rows = [
            {
                **dict(zip(self._keys, (mask.frame, *position), strict=True)),
                **dict(zip(self._centre, (mask.y, mask.x), strict=True)),
                "area": mask.area,
                "predicted_iou": mask.predicted_iou,
                "stability_score": mask.stability_score,
                "is_repaired": True,
                "repair": mask.repair.word,
                "confidence": mask.repair.confidence,
            }
            for mask in masks
        ]
        self.add(pd.DataFrame(rows))

    def of(
        self,
        position: Position,
        frame: int,
        centroids: npt.NDArray[np.floating],
        areas: npt.NDArray[np.integer],
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Look up the masks of a frame.

        Parameters
        ----------
        position : tuple of int
            Where its movie lies on the axes beside the tracked one.
        frame : int
            Which frame.
        centroids : (n, 2) array
            (y, x) in pixels.
        areas : (n,) array
            In pixels.

        Returns
        -------
        dict
            An (n,) array for each of `COLUMNS`; NaN, False or "" where a mask is none
            that the model has made.
        """
        rows = self._frames.get((frame, *position))
        found = [
            None if rows is None else self._nearest(rows, centroid, area)
            for centroid, area in zip(centroids, areas, strict=True)
        ]
        return {name: _column(name, rows, found) for name in COLUMNS}

    def _nearest(
        self, rows: pd.DataFrame, centroid: npt.NDArray[np.floating], area: int
    ) -> int | None:
        shift = np.hypot(*(rows[self._centre].to_numpy() - centroid).T)
        change = np.abs(rows["area"].to_numpy() / area - 1)
        fits = (shift <= _MAX_SHIFT) & (change <= _MAX_AREA_CHANGE)
        return int(np.where(fits, shift, np.inf).argmin()) if fits.any() else None


def _column(
    name: str, rows: pd.DataFrame | None, found: Sequence[int | None]
) -> npt.NDArray[np.generic]:
    unknown = _UNKNOWN.get(name, np.nan)
    values = [
        unknown if rows is None or k is None else rows[name].iloc[k] for k in found
    ]
    kinds = {"is_repaired": np.bool_, "repair": np.object_}
    return np.array(values, kinds.get(name, np.float32))
