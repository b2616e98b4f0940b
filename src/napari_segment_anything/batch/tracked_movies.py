"""The tracks of all movies of an image, and a table of their objects."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.mask_scores import MaskScores
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.track_result import Position
from napari_segment_anything.batch.tracks_table import (
    mean_intensities,
    physical_columns,
)
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.correction import EditableTracks


@dataclass(frozen=True, eq=False)
class TrackedMovies:
    """The tracks of all movies of an image, and what is told of them in files.

    Parameters
    ----------
    movies : mapping of tuple of int to EditableTracks
        Tracks of each movie, by where it lies on the axes beside the tracked one;
        ``()`` where there is none. No two movies share an id.
    axis : str
        The tracked axis.
    index_axes : str
        All axes that number planes, in the order of the image.
    plane_axes : tuple of str
        Axes of rows and columns.
    read : callable, optional
        Returns the image at a position and frame, for intensities in the table.
    scale, units, translate : mapping, optional
        Size of a pixel along each axis, its unit, and where the first pixel lies.
    scores : MaskScores, optional
        How sure the model was of the masks.
    """

    movies: Mapping[Position, EditableTracks]
    axis: str = "T"
    index_axes: str = "T"
    plane_axes: tuple[str, str] = ("Y", "X")
    read: Callable[[Position, int], npt.NDArray[np.generic]] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    translate: Mapping[str, float] = field(default_factory=dict)
    scores: MaskScores | None = None

    @property
    def other_axes(self) -> str:
        """Axes beside the tracked one."""
        return self.index_axes.replace(self.axis, "")

    @property
    def n_planes(self) -> int:
        """Number of label images that have objects."""
        return sum(len(tracks.frames) for tracks in self.movies.values())

    def planes(self) -> Iterator[tuple[int, Position, int]]:
        """Iterate over label images that have objects: number, position and frame."""
        places = [(p, t) for p, m in self.movies.items() for t in m.frames]
        for number, (position, frame) in enumerate(places):
            yield number, position, frame

    def folder_of(self, position: Position) -> str:
        """Name of the folder of one of several movies, such as ``Z03``."""
        width = len(str(max(max(p, default=0) for p in self.movies)))
        pairs = zip(self.other_axes, position, strict=True)
        return "_".join(f"{letter}{n:0{width}d}" for letter, n in pairs)


def measure(movies: TrackedMovies) -> Generator[Progress, None, pd.DataFrame]:
    """Measure all objects: one row per object and frame, by track, then frame."""
    parts = []
    # A table without objects has its columns, too.
    nothing = (0, next(iter(movies.movies)), 0)
    for number, position, frame in list(movies.planes()) or [nothing]:
        yield Progress("measure", number, movies.n_planes)
        parts.append(_measured(movies, position, frame))
    table = pd.concat(parts, ignore_index=True)
    order = ["track_id", movies.axis.lower(), *movies.other_axes.lower()]
    table = table.sort_values(order, ignore_index=True)
    columns = {name: table[name].to_numpy() for name in table.columns}
    physical = physical_columns(
        columns,
        movies.index_axes,
        movies.plane_axes,
        movies.scale,
        movies.units,
        movies.translate,
    )
    return table.assign(**physical)


def _measured(movies: TrackedMovies, position: Position, frame: int) -> pd.DataFrame:
    """Measure the objects of one frame: one row each."""
    tracks = movies.movies[position]
    plane = tracks.read(frame)
    ids = np.unique(plane[plane > 0])
    masks = MaskSet.from_labels(plane) if len(ids) else MaskSet.empty(plane.shape)
    centroids, numbers = masks.centroids.reshape(-1, 2), ids.tolist()
    columns: dict[str, npt.NDArray[np.generic]] = {"track_id": ids.astype(np.int64)}
    for letter, number in zip(movies.other_axes, position, strict=True):
        columns[letter.lower()] = np.full(len(ids), number, np.int64)
    columns |= {
        movies.axis.lower(): np.full(len(ids), frame, np.int64),
        movies.plane_axes[0].lower(): centroids[:, 0],
        movies.plane_axes[1].lower(): centroids[:, 1],
        "area": masks.areas,
    }
    if movies.scores is not None:
        columns |= movies.scores.of(position, frame, centroids, masks.areas)
    columns |= {
        "parent_id": np.array([tracks.parents.get(i, 0) for i in numbers], np.int64),
        "is_locked": np.array([(frame, i) in tracks.locked for i in numbers], bool),
    }
    if movies.read is not None:
        image = movies.read(position, frame)
        columns["mean_intensity"] = mean_intensities(masks, image)
    return pd.DataFrame(columns)
