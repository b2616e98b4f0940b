"""Goes from one doubtful place to the next, through all movies of an image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.widgets.plane import move_slider

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.components import ViewerModel

    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks

# A place that was out of sight is shown this part of the canvas away from its edge.
MARGIN = 0.1


class DoubtTour:
    """The review list of all movies of an image, and which of its places is shown.

    Parameters
    ----------
    viewer : ViewerModel
        Whose slider and camera are moved.
    layers : TimeLayers
        Where the tracks are seen.
    found : TimeTracks
        Tracks and doubts.
    """

    def __init__(
        self, viewer: ViewerModel, layers: TimeLayers, found: TimeTracks
    ) -> None:
        self.doubts: list[Doubt] = list(found.doubts)
        self.at = -1
        # Whether the place is still to be brought into sight.
        self._is_new = False
        self._viewer, self._layers = viewer, layers
        self._found = found

    @property
    def doubt(self) -> Doubt | None:
        """The doubt that is shown."""
        return self.doubts[self.at] if 0 <= self.at < len(self.doubts) else None

    def take(self, doubt: Doubt) -> None:
        """Take a doubt from the list, if it is there; before it is the place to be."""
        if doubt in self.doubts:
            number = self.doubts.index(doubt)
            del self.doubts[number]
            self.at -= number <= self.at

    def renew(self, done: Recomputed, position: Position) -> None:
        """Take over what is doubtful in a movie that was computed again in part.

        What repair has made there is noted, too.
        """
        if self._found.scores is not None:
            self._found.scores.add_repaired(position, done.repaired)
        here = [doubt for doubt in self.doubts if doubt.position == position]
        others = [doubt for doubt in self.doubts if doubt.position != position]
        new = done.renewed(here, self._found.movies[position].locked)
        new = [replace(doubt, position=position) for doubt in new]
        self.doubts = sorted(others + new, key=lambda doubt: -doubt.score)

    def step(self, by: int) -> Doubt | None:
        """Go to the next or the previous doubt."""
        if not self.doubts:
            return None
        return self.go_to((self.at + by) % len(self.doubts))

    def go_to(self, number: int) -> Doubt:
        """Show a doubt: its movie, its frame, its track; `look_at` shows its place."""
        self.at, self._is_new = number, True
        doubt = self.doubts[number]
        request = self._found.request
        index = dict(request.plane_of(doubt.position).index)
        for letter, place in {**index, request.along: doubt.frame}.items():
            # The channel that is shown stays.
            if letter != "C":
                axis = self._layers.axes.index(letter)
                move_slider(self._viewer, self._layers.labels, axis, place)
        self._layers.labels.selected_label = doubt.track
        return doubt

    def look_at(self, centre: npt.NDArray[np.float64] | None) -> None:
        """Bring the place of a doubt into sight, once for each time it is gone to.

        Parameters
        ----------
        centre : (2,) array or None
            Where its object is, (y, x) in pixels; None where it is hidden.
        """
        is_new, self._is_new = self._is_new, False
        if centre is None or not is_new:
            return
        position = np.zeros(len(self._layers.axes))
        rows, across = self._found.request.plane.plane_axes
        position[self._layers.axes.index(rows)] = centre[0]
        position[self._layers.axes.index(across)] = centre[1]
        layer = self._layers.labels
        # Both in pixels; they say what the canvas shows.
        low, high = np.asarray(layer.corner_pixels, float)
        margin = MARGIN * (high - low)
        seen = position.copy()
        for axis in (self._layers.axes.index(letter) for letter in (rows, across)):
            if not low[axis] <= position[axis] <= high[axis]:
                inside = low[axis] + margin[axis], high[axis] - margin[axis]
                seen[axis] = np.clip(position[axis], *inside)
        # The view moves as little as it must.
        way = np.subtract(layer.data_to_world(position), layer.data_to_world(seen))
        dims = self._viewer.dims
        offset = dims.ndim - len(way)
        shown = [axis - offset for axis in dims.order[-dims.ndisplay :]]
        # From napari 0.9 on the camera belongs to the scene.
        camera = getattr(self._viewer, "scene", self._viewer).camera
        centre = np.array(camera.center, float)
        centre[-len(shown) :] += way[shown]
        camera.center = tuple(centre)
