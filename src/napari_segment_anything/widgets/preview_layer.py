"""The mask that is not accepted yet, as a contour apart from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_segment_anything.session.rims import paint_rims
from napari_segment_anything.widgets.plane import (
    layer_index,
    offset_translate,
    transform_of,
)

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.session.planes import PlaneId

# Yellow stands out on grey images and is used by neither kind of point. Masks of other
# sizes are quieter.
_YELLOW = (240 / 255, 228 / 255, 66 / 255, 1.0)
_QUIET = (240 / 255, 228 / 255, 66 / 255, 0.75)
_NOTHING = (0.0, 0.0, 0.0, 0.0)


class PreviewLayer:
    """Shows contours of masks in a Labels layer no larger than they are.

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
        self._shown: tuple[object, ...] = ()
        self.layer = Labels(
            np.zeros((1,) * image.ndim, dtype=np.uint8),
            name="SAM preview",
            # A colormap by dictionary would show the same, but napari compiles it
            # anew in each session, which stops the window for seconds.
            colormap=CyclicLabelColormap(colors=[_NOTHING, _YELLOW, _QUIET]),
            opacity=1.0,
            **transform_of(image),
        )
        self.layer.editable = False

    def show(
        self, masks: MaskSet, plane: PlaneId, others: MaskSet | None = None
    ) -> None:
        """Show the contours of masks on a plane, and thin ones of others."""
        if self._shown and all(
            a is b for a, b in zip(self._shown, (masks, plane, others), strict=True)
        ):
            return
        self._shown = masks, plane, others
        top, left, crop = paint_rims(masks, others)
        index = layer_index(plane, self._axes)
        offset = np.array([number or 0 for number in index], dtype=float)
        rows, columns = (self._axes.index(letter) for letter in plane.plane_axes)
        offset[rows], offset[columns] = top, left
        shape = [1] * len(self._axes)
        shape[rows], shape[columns] = crop.shape
        # The viewer looks through all layers at each change of one: once is enough.
        with self.layer.events.data.blocker():
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
        self._shown = ()
        if self.layer.data.any():
            self.layer.data = np.zeros((1,) * len(self._axes), dtype=np.uint8)
