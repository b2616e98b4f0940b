"""Points, shapes and labels of other layers as prompts of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels, Points, Shapes

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.contours import outline_of
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.planes import PlaneId

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Image, Layer


class LayerPrompts:
    """Reads the prompts of a layer; the layer may lie and be scaled differently.

    Parameters
    ----------
    layer : Layer
        Points, Shapes or Labels.
    image : Image
        What is to be segmented.
    axes : str
        One letter per dimension of the image.
    shown : PlaneId
        The plane that is shown; gives the position along axes the layer lacks.
    """

    def __init__(self, layer: Layer, image: Image, axes: str, shown: PlaneId) -> None:
        self._layer = layer
        self._image = image
        self._axes = axes
        self._shown = shown

    def collect(self) -> dict[PlaneId, list[Drawing]]:
        """Return a drawing for each object, by the plane that it lies on.

        Called by a worker. Of labels those of the plane that is shown are taken.
        """
        found: dict[PlaneId, list[Drawing]] = {}
        for outline in self._outlines():
            positions = self._in_image(outline.vertices)
            plane = self._plane_of(positions[0])
            columns = [self._axes.index(letter) for letter in plane.plane_axes]
            inside = positions[:, columns]
            drawing = Drawing(outlines=(Outline(outline.kind, inside),))
            if len(inside) == 1:
                drawing = Drawing(inside, np.array([True]))
            found.setdefault(plane, []).append(drawing)
        return found

    def _outlines(self) -> list[Outline]:
        layer = self._layer
        if isinstance(layer, Points):
            return [Outline(Kind.PATH, p[np.newaxis]) for p in np.array(layer.data)]
        if isinstance(layer, Shapes):
            return [
                Outline(Kind(str(kind)), np.array(vertices, dtype=float))
                for kind, vertices in zip(layer.shape_type, layer.data, strict=True)
            ]
        return self._of_labels(layer) if isinstance(layer, Labels) else []

    def _of_labels(self, layer: Labels) -> list[Outline]:
        middle = self._image.data_to_world(
            [self._shown.position(letter) or 0 for letter in self._axes]
        )
        index = np.rint(layer.world_to_data(middle[-layer.ndim :])).astype(int)
        offset = len(self._axes) - layer.ndim
        shown = [self._axes.index(letter) - offset for letter in self._shown.plane_axes]
        data = layer.data[0] if layer.multiscale else layer.data
        key = tuple(
            slice(None) if axis in shown else int(index[axis])
            for axis in range(layer.ndim)
        )
        masks = MaskSet.from_labels(np.asarray(data[key]))
        outlines = []
        for number, mask in enumerate(masks.masks):
            y0, x0 = (int(value) for value in masks.boxes[number, :2])
            (outline,) = outline_of(mask, (y0, x0)).outlines
            vertices = np.tile(index.astype(float), (len(outline.vertices), 1))
            vertices[:, shown] = outline.vertices
            outlines.append(Outline(outline.kind, vertices))
        return outlines

    def _in_image(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Bring positions in the layer to positions in the image."""
        image, n_given = self._image, positions.shape[1]
        here = [self._shown.position(letter) or 0 for letter in self._axes]
        world = np.tile(image.data_to_world(here), (len(positions), 1))
        moved = [self._layer.data_to_world(position) for position in positions]
        n_shared = min(n_given, image.ndim)
        world[:, image.ndim - n_shared :] = np.array(moved)[:, n_given - n_shared :]
        return np.array([image.world_to_data(position) for position in world])

    def _plane_of(self, position: npt.NDArray[np.float64]) -> PlaneId:
        index = tuple(
            (letter, round(float(position[axis])))
            for axis, letter in enumerate(self._axes)
            if letter not in self._shown.plane_axes
        )
        return PlaneId(self._shown.plane_axes, index)
