"""Tracked labels and tracks as layers, and one movie of them frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Tracks

from napari_segment_anything.storage.write_behind_array import WriteBehindArray
from napari_segment_anything.widgets.empty_labels import empty_labels
from napari_segment_anything.widgets.layer_pixels import LayerPixels
from napari_segment_anything.widgets.plane import image_shape, spread_over, transform_of

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.widgets.track_points import TrackPoints

_TAIL_FRAMES = 8
_MOST_AXES = 4


@dataclass(frozen=True, eq=False)
class MovieFrames:
    """The label images of one movie in an n-dimensional array, (T, H, W).

    Parameters
    ----------
    data : array
        Labels.
    axes : str
        One letter per dimension.
    plane : PlaneId
        A plane of the movie; says where it lies on the other axes.
    along : str
        The axis that objects are followed along.
    """

    data: Any
    axes: str
    plane: PlaneId
    along: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows, columns."""
        rows, columns = self.plane.plane_axes
        lengths = dict(zip(self.axes, self.data.shape, strict=True))
        return int(lengths[self.along]), int(lengths[rows]), int(lengths[columns])

    def key(self, frame: int) -> tuple[int | slice, ...]:
        """Index of a frame in the array."""
        place: list[int | slice] = []
        for letter, length in zip(self.axes, self.data.shape, strict=True):
            if letter in self.plane.plane_axes:
                place.append(slice(None))
            elif letter == self.along:
                place.append(frame)
            else:
                place.append(min(self.plane.position(letter) or 0, int(length) - 1))
        return tuple(place)

    def __getitem__(self, frame: int) -> npt.NDArray[np.integer]:
        """Label image of a frame."""
        return np.asarray(self.data[self.key(frame)])

    def __setitem__(self, frame: int, labels: npt.NDArray[np.integer]) -> None:
        """Replace the label image of a frame."""
        self.data[self.key(frame)] = labels


def why_no_paths(axes: str, along: str) -> str:
    """Say why napari cannot draw paths; empty where it can."""
    if axes[0] != along:
        return (
            f"napari draws paths along the first axis only, which is {axes[0]} and not "
            f"{along}; so there are none."
        )
    if len(axes) > _MOST_AXES:
        return (
            f"napari draws paths in at most {_MOST_AXES} dimensions, and {axes} has "
            f"{len(axes)}; so there are none. Open each channel as a layer of its own."
        )
    return ""


class TimeLayers:
    """The Labels layer of tracked objects of one image, and their Tracks layer.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    image : Image
        The image; the labels lie exactly on it.
    axes : str
        Its axes.
    name : str
        What comes after the image's name.
    is_preview : bool
        Whether they only show what would come out.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        image: Image,
        axes: str,
        name: str = "tracked",
        *,
        is_preview: bool = False,
    ) -> None:
        self.image, self.axes, self.is_preview = image, axes, is_preview
        self._viewer = viewer
        shape = list(image_shape(image))
        # Objects are the same in all channels.
        channels = {n: shape[n] for n, letter in enumerate(axes) if letter == "C"}
        for axis in channels:
            shape[axis] = 1
        self.labels = Labels(
            empty_labels(image, axes, shape),
            name=f"{image.name} {name}",
            **spread_over(image, channels),
        )
        self.pixels = LayerPixels(self.labels)
        self.tracks: Tracks | None = None
        viewer.add_layer(self.labels)

    @property
    def is_there(self) -> bool:
        """Whether the labels are still in the viewer."""
        return self.labels in self._viewer.layers

    def movie(self, plane: PlaneId, along: str) -> MovieFrames:
        """Return the frames of the movie that a plane belongs to."""
        return MovieFrames(self.pixels, self.axes, plane, along)

    def write(
        self, letters: str, index: tuple[int, ...], labels: npt.NDArray[np.integer]
    ) -> None:
        """Write a plane at a position along some axes."""
        place = dict(zip(letters, index, strict=True))
        rest = [letter for letter in self.axes if letter not in place]
        planes = [letter for letter in rest if letter != "C"]
        key = tuple(
            place[letter]
            if letter in place
            else (slice(None) if letter in planes else 0)
            for letter in self.axes
        )
        self.pixels[key] = labels

    def show_tracks(self, points: TrackPoints, movie: MovieFrames) -> None:
        """Draw the paths of all objects of one movie, with their lineage."""
        if len(points.data) == 0 or why_no_paths(self.axes, movie.along):
            self._remove_tracks()
            return
        columns = [points.data[:, 0]]
        rows, across = movie.plane.plane_axes
        for letter in self.axes:
            if letter == movie.along:
                columns.append(points.data[:, 1])
            elif letter in (rows, across):
                columns.append(points.data[:, 2 if letter == rows else 3])
            else:
                position = movie.plane.position(letter) or 0
                n = len(points.data)
                columns.append(np.full(n, 0 if letter == "C" else position))
        data, graph = np.stack(columns, axis=1), dict(points.graph)
        if self.tracks is not None and self.tracks in self._viewer.layers:
            # Tail and colours stay as somebody has chosen them.
            colour = self.tracks.color_by
            self.tracks.color_by = "track_id"
            self.tracks.data = data
            self.tracks.features = points.features
            self.tracks.graph = graph
            self.tracks.color_by = colour
            return
        selected = self._viewer.layers.selection.active
        self.tracks = Tracks(
            data,
            graph=graph,
            features=points.features,
            tail_length=_TAIL_FRAMES,
            head_length=0,
            visible=self.labels.visible,
            name=f"{self.image.name} tracks",
            **transform_of(self.labels),
        )
        self._viewer.add_layer(self.tracks)
        self._viewer.layers.selection.active = selected or self.labels

    def show(self, *, is_visible: bool = True) -> None:
        """Show labels and paths, or hide them so that others are seen instead."""
        for layer in (self.labels, self.tracks):
            if layer is not None:
                layer.visible = is_visible

    def remove(self) -> None:
        """Remove labels and paths, and what is kept of them on disk."""
        self._remove_tracks()
        if self.is_there:
            self._viewer.layers.remove(self.labels)
        if isinstance(self.labels.data, WriteBehindArray):
            self.labels.data.discard()

    def _remove_tracks(self) -> None:
        if self.tracks is not None and self.tracks in self._viewer.layers:
            self._viewer.layers.remove(self.tracks)
        self.tracks = None
