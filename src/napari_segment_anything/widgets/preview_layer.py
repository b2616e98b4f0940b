"""The mask that is not accepted yet, as a contour apart from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_segment_anything.widgets.plane import (
    layer_index,
    offset_translate,
    transform_of,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Image

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.planes import PlaneId

_CONTOUR_WIDTH = 2
# Yellow stands out on grey images and is used by neither kind of point.
_YELLOW = (240 / 255, 228 / 255, 66 / 255, 1.0)
_NOTHING = (0.0, 0.0, 0.0, 0.0)


class PreviewLayer:
    """Shows masks in a Labels layer no larger than they are.

    The cost of showing a mask then depends on the mask, not on the image. The layer
    has the dimensions of the image, with length one along its sliders, and is moved to
    the plane it belongs to; so it is not seen on other planes.

    Parameters
    ----------
    image : Image
        The layer that is segmented.
    axes : str
        One letter per dimension of the image.
    """

    def __init__(self, image: Image, axes: str) -> None:
        self._axes = axes
        self._image = image
        self._offset = np.zeros(image.ndim)
        self.layer = Labels(
            np.zeros((1,) * image.ndim, dtype=np.uint8),
            name="SAM preview",
            # A colormap by dictionary would show the same, but napari compiles it
            # anew in each session, which stops the window for seconds.
            colormap=CyclicLabelColormap(colors=[_NOTHING, _YELLOW, _YELLOW]),
            opacity=1.0,
            **transform_of(image),
        )
        self.layer.contour = _CONTOUR_WIDTH
        self.layer.editable = False

    def show(self, masks: MaskSet, plane: PlaneId) -> None:
        """Show masks on a plane."""
        top, left, crop = masks_to_crop(masks, margin=_CONTOUR_WIDTH)
        index = layer_index(plane, self._axes)
        offset = np.array([number or 0 for number in index], dtype=float)
        rows, columns = (self._axes.index(letter) for letter in plane.plane_axes)
        offset[rows], offset[columns] = top, left
        shape = [1] * len(self._axes)
        shape[rows], shape[columns] = crop.shape
        self.layer.data = crop.reshape(shape)
        self._offset = offset
        self.layer.translate = offset_translate(self._image, offset)

    def follow_image(self) -> None:
        """Lie where the image lies now."""
        for name, value in transform_of(self._image).items():
            if name != "translate":
                setattr(self.layer, name, value)
        self.layer.translate = offset_translate(self._image, self._offset)

    def hide(self) -> None:
        """Show nothing."""
        if self.layer.data.any():
            self.layer.data = np.zeros((1,) * len(self._axes), dtype=np.uint8)


def masks_to_crop(
    masks: MaskSet, *, margin: int = 0
) -> tuple[int, int, npt.NDArray[np.uint8]]:
    """Paint masks into one small label image around all of them.

    Parameters
    ----------
    masks : MaskSet
        At most 255 ids are told apart; more reuse them, which only a contour sees.
    margin : int, optional
        Empty pixels on each side.

    Returns
    -------
    top, left : int
        Plane position of the crop's first pixel; may be negative by the margin.
    crop : ndarray
        (h, w) uint8, mask ``i`` painted as ``i % 255 + 1``, earlier ones on top.
    """
    filled = np.flatnonzero(masks.areas)
    if len(filled) == 0:
        return 0, 0, np.zeros((1, 1), dtype=np.uint8)
    boxes = masks.boxes[filled]
    top, left = (int(v) - margin for v in boxes[:, :2].min(axis=0))
    bottom, right = (int(v) + margin for v in boxes[:, 2:].max(axis=0))
    crop = np.zeros((bottom - top, right - left), dtype=np.uint8)
    for number in filled[::-1]:
        y0, x0, y1, x1 = (int(v) for v in masks.boxes[number])
        part = crop[y0 - top : y1 - top, x0 - left : x1 - left]
        part[masks.masks[number]] = number % 255 + 1
    return top, left, crop
