"""What a tracking job found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.review import Doubt
from napari_segment_anything.tracking.settings import LinkingSettings

Position = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TrackResult:
    """Tracks of a stack, as labels, lineages and a table.

    Attributes
    ----------
    labels : LabelStore or array
        Track ids: the OME-Zarr that was asked for, or (*index axes, H, W) int32.
    index_axes : str
        Axes that number the planes.
    axis : str
        The one that was tracked along.
    lineages : mapping
        Lineage of each position on the other index axes; ``()`` where there are none.
        Track ids are unique over all of them.
    doubts : mapping
        Review list of each position, most doubtful first.
    table : pandas.DataFrame
        See `napari_segment_anything.batch.tracks_table.tracks_table`. Frames count from
        0, which is the first frame of the stack that was tracked.
    linking : mapping
        How objects were thought to move, for each position.
    settings : AutomaticSettings
        What counted as an object, with its estimated size.
    n_frames : int
        Planes that were searched.
    n_objects, n_tracks, n_divisions : int
        Masks in all frames, tracks, and tracks that end in two or more.
    n_repaired : int
        Masks that a prompt found where detection had missed an object.
    n_resumed : int
        Planes whose candidates an earlier run had found.
    intensity_range : IntensityRange
        Intensities that were mapped to black and white.
    seconds : mapping of str to float
        Time by activity: reading, encoding, decoding, linking, storing, writing.
    plane_axes : tuple of str
        Axes of rows and columns.
    """

    labels: LabelStore | npt.NDArray[np.int32]
    index_axes: str
    axis: str
    lineages: Mapping[Position, Lineage]
    doubts: Mapping[Position, tuple[Doubt, ...]]
    table: pd.DataFrame
    linking: Mapping[Position, LinkingSettings]
    settings: AutomaticSettings
    n_frames: int
    n_objects: int
    n_tracks: int
    n_divisions: int
    n_repaired: int
    n_resumed: int
    intensity_range: IntensityRange
    seconds: Mapping[str, float]
    plane_axes: tuple[str, str] = ("Y", "X")

    @property
    def other_axes(self) -> str:
        """Axes beside the tracked one, which number the movies of the stack."""
        return self.index_axes.replace(self.axis, "")

    @property
    def all_doubts(self) -> list[Doubt]:
        """Review lists of all positions in one, most doubtful first."""
        every = [doubt for doubts in self.doubts.values() for doubt in doubts]
        return sorted(every, key=lambda d: (-d.score, d.position, d.frame, d.track))

    @property
    def lineage(self) -> Lineage:
        """The lineage of a stack that has no other axis than the tracked one.

        Raises
        ------
        InvalidAxesError
            If there are several; use `lineages`.
        """
        if len(self.lineages) != 1:
            raise InvalidAxesError(
                f"There are {len(self.lineages)} lineages, one for each position "
                "beside the tracked axis; choose one of 'lineages'."
            )
        return next(iter(self.lineages.values()))

    def napari_tracks(
        self,
    ) -> tuple[
        npt.NDArray[np.float64],
        dict[int, list[int]],
        dict[str, npt.NDArray[np.generic]],
    ]:
        """Return data, graph and features of a napari Tracks layer.

        Returns
        -------
        data : (n, 1 + n index axes + 2) float64 array
            Track id, position on each index axis, row, column; by track, then frame.
        graph : dict
            Child's id → list with its parent's id.
        features : dict of (n,) arrays
            ``area``, ``predicted_iou``, ``parent_id``, ``is_repaired``, ``confidence``.

        Raises
        ------
        InvalidAxesError
            If the tracked axis is not the first one, where napari looks for time.
        """
        if self.index_axes[0] != self.axis:
            raise InvalidAxesError(
                f"napari takes the first of the axes {self.index_axes!r} for time, but "
                f"{self.axis} was tracked along; reorder the axes of the image."
            )
        centre = [letter.lower() for letter in self.plane_axes]
        columns = ["track_id", *self.index_axes.lower(), *centre]
        rows = self.table.sort_values(["track_id", self.axis.lower()], kind="stable")
        graph = {
            track.id: [track.parent]
            for lineage in self.lineages.values()
            for track in lineage.tracks
            if track.parent
        }
        names = ("area", "predicted_iou", "parent_id", "is_repaired", "confidence")
        features = {name: rows[name].to_numpy() for name in names}
        return rows[columns].to_numpy(np.float64), graph, features
