"""Both readings of a doubtful place, drawn over the movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Shapes

from napari_segment_anything.widgets.plane import transform_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.tracking.readings import Readings
    from napari_segment_anything.widgets.time_layers import MovieFrames, TimeLayers

AS_READ_COLOUR, OTHER_COLOUR = "white", "orange"


class ReadingLines:
    """Lines of both readings, white as it is read and orange otherwise.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are drawn.
    layers : TimeLayers
        The labels that they lie on.
    """

    def __init__(self, viewer: ViewerModel, layers: TimeLayers) -> None:
        self._viewer, self._layers = viewer, layers
        self.layer: Shapes | None = None

    def show(self, readings: Readings, frame: int, movie: MovieFrames) -> None:
        """Draw the readings of a doubt in its frame, in place of the last ones."""
        lines = [*readings.as_read, *readings.otherwise]
        if not lines:
            self.hide()
            return
        colours = [AS_READ_COLOUR] * len(readings.as_read)
        colours += [OTHER_COLOUR] * len(readings.otherwise)
        place = [0.0 if isinstance(at, slice) else float(at) for at in movie.key(frame)]
        rows, across = (
            self._layers.axes.index(axis) for axis in movie.plane.plane_axes
        )
        data = []
        for line in lines:
            ends = np.tile(place, (2, 1))
            ends[:, [rows, across]] = np.asarray(line)
            data.append(ends)
        width = max(1.0, min(movie.shape[1:]) / 300)
        self.clear()
        layer = self.layer or self._new_layer()
        layer.add_lines(data, edge_color=colours, edge_width=width)
        layer.selected_data = set()
        self.layer = layer
        if layer not in self._viewer.layers:
            selected = self._viewer.layers.selection.active
            self._viewer.add_layer(layer)
            self._viewer.layers.selection.active = selected

    def clear(self) -> None:
        """Draw nothing, but keep the layer: to make one takes much longer."""
        if self.layer is not None:
            self.layer.selected_data = set(range(self.layer.nshapes))
            self.layer.remove_selected()

    def hide(self) -> None:
        """Take the lines away."""
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = None

    def _new_layer(self) -> Shapes:
        return Shapes(
            ndim=len(self._layers.axes),
            name=f"{self._layers.image.name} readings",
            **transform_of(self._layers.labels),
        )
