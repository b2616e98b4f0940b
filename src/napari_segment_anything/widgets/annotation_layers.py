"""The layers that belong to the annotation of one image, and their viewer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.widgets.plane import (
    displayed_plane,
    image_shape,
    layer_index,
    transform_of,
)
from napari_segment_anything.widgets.preview_layer import PreviewLayer
from napari_segment_anything.widgets.prompt_layers import PromptLayers
from napari_segment_anything.widgets.result_layers import ResultLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Layer

    from napari_segment_anything.session.objects import AcceptedObject
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.widgets.sources import Sources

_PLACE_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")


class AnnotationLayers:
    """Prompts, preview and results of one image, lying exactly on it.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that holds the image.
    image : Image
        The layer to segment; never changed.
    axes : str
        One letter per dimension of the layer.
    sources : Sources
        Makes the image readable, plane by plane.
    """

    def __init__(
        self, viewer: ViewerModel, image: Image, axes: str, sources: Sources
    ) -> None:
        self.image = image
        self._sources = sources
        self.axes = axes
        self.prompts = PromptLayers(image, axes)
        self.preview = PreviewLayer(image, axes)
        self._viewer = viewer
        self._were_added = False
        for name in _PLACE_EVENTS:
            getattr(image.events, name).connect(self._follow_image)

    @cached_property
    def results(self) -> ResultLayer:
        """The accepted objects; made when first asked for, as they may be on disk."""
        return ResultLayer(self.image, self.axes)

    @property
    def all(self) -> tuple[Layer, ...]:
        """The layers from below to above."""
        return self.results.layer, *self._above_results

    @property
    def _above_results(self) -> tuple[Layer, ...]:
        points, boxes = self.prompts.layers
        return self.preview.layer, boxes, points

    @property
    def are_shown(self) -> bool:
        """Whether prompts can be drawn: their layers are in the viewer."""
        return all(layer in self._viewer.layers for layer in self.prompts.layers)

    @property
    def are_all_there(self) -> bool:
        """Whether nobody has removed one of the layers from the viewer."""
        return all(layer in self._viewer.layers for layer in self.all)

    @property
    def have_been_removed(self) -> bool:
        """Whether some were removed that `add_missing` brings back."""
        return self._were_added and self.fit_image and not self.are_all_there

    @property
    def are_complete(self) -> bool:
        """Whether all are there, and still of the shape of the image."""
        return self._were_added and self.fit_image and self.are_all_there

    @property
    def plane(self) -> PlaneId | None:
        """The plane that is shown; None when no single plane of the image is."""
        return displayed_plane(self._viewer, self.image, self.axes)

    @property
    def have_prompts(self) -> bool:
        """Whether something is drawn on the plane that is shown."""
        plane = self.plane
        return plane is not None and not self.prompts.drawing_on(plane).is_empty

    @property
    def fit_image(self) -> bool:
        """Whether the image still has the shape that the results were made for."""
        return image_shape(self.image) == tuple(self.results.layer.data.shape)

    def add_missing(self) -> None:
        """Put every layer into the viewer that is not there."""
        self._were_added = True
        for layer in self.all:
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Put a layer into the viewer unless it is there; a deleted one comes back."""
        if layer in self._viewer.layers:
            return
        if layer.name in self._viewer.layers:
            layer.name = f"{layer.name} of {self.image.name}"
        # Results may be on disk: prompts alone need none.
        above = self._above_results
        if layer in above:
            above = above[above.index(layer) + 1 :]
        self._add_beneath(layer, above)
        # napari makes new controls, which show its first mode and not the one in use.
        mode = str(layer.mode)
        layer.mode = "pan_zoom"
        layer.mode = mode

    def add_result(self, layer: Layer) -> None:
        """Put a layer made from the objects above them, and under what is drawn."""
        self._add_beneath(layer, self._above_results)

    def bring_image_back(self) -> None:
        """Put the image into the viewer again, below what was drawn on it."""
        if self.image not in self._viewer.layers:
            self._add_beneath(self.image, self.all)

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        for layer in self.all:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def draw_points(self) -> None:
        """Make clicks add points."""
        self._viewer.layers.selection.active = self.prompts.points
        self.prompts.points.mode = "add"

    def draw_boxes(self) -> None:
        """Make drags draw boxes."""
        self._viewer.layers.selection.active = self.prompts.boxes
        self.prompts.boxes.mode = "add_rectangle"

    def go_to(self, plane: PlaneId) -> None:
        """Move the viewer's sliders to a plane."""
        if plane == self.plane:
            return
        index = [number or 0 for number in layer_index(plane, self.axes)]
        world = self.image.data_to_world(index)
        offset = self._viewer.dims.ndim - self.image.ndim
        for axis, letter in enumerate(self.axes):
            if letter not in plane.plane_axes:
                self._viewer.dims.set_point(axis + offset, world[axis])

    def look_at(self, known: AcceptedObject) -> None:
        """Move the camera to an object, without changing the zoom."""
        index = [number or 0 for number in layer_index(known.plane, self.axes)]
        for letter, first, length in zip(
            known.plane.plane_axes, known.corner, known.mask.shape, strict=True
        ):
            index[self.axes.index(letter)] = first + length // 2
        world = np.asarray(self.image.data_to_world(index))
        offset = self._viewer.dims.ndim - self.image.ndim
        shown = [axis - offset for axis in self._viewer.dims.displayed]
        # Since napari 0.9 the camera is part of the scene.
        camera = getattr(self._viewer, "scene", self._viewer).camera
        centre = np.array(camera.center, dtype=float)
        centre[-2:] = world[shown]
        camera.center = tuple(centre)

    def source(self) -> PlaneSource:
        """Return the image as the session reads it.

        Raises
        ------
        InvalidAxesError, InvalidImageError
            When the axes do not fit, or the image cannot be segmented.
        """
        return self._sources.of(self.image, self.axes)

    def new_source(self) -> PlaneSource:
        """Return the image as it is now, after what it holds has changed."""
        self._sources.renew(self.image)
        return self.source()

    def close(self) -> None:
        """Stop following the image; the layers stay where they are."""
        # Nobody looks any more whether a shape is finished.
        self.prompts.is_closed = True
        for name in _PLACE_EVENTS:
            getattr(self.image.events, name).disconnect(self._follow_image)

    def _add_beneath(self, layer: Layer, above: Sequence[Layer]) -> None:
        layers = self._viewer.layers
        active = layers.selection.active
        self._viewer.add_layer(layer)
        places = [layers.index(one) for one in above if one in layers]
        if places:
            layers.move(len(layers) - 1, min(places))
        if active is not None:
            layers.selection.active = active

    def _follow_image(self) -> None:
        transform = transform_of(self.image)
        layers: tuple[Layer, ...] = self.prompts.layers
        if "results" in self.__dict__:
            layers = (*layers, self.results.layer)
        for layer in layers:
            for name, value in transform.items():
                setattr(layer, name, value)
        self.preview.follow_image()
