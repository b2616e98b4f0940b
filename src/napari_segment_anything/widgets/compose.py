"""Image layers shown over each other become one colour image to be segmented."""

from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_error, show_info
from napari.viewer import Viewer

from napari_segment_anything.errors import InvalidImageError
from napari_segment_anything.stacks.composed import Colouring, ComposedArray
from napari_segment_anything.widgets.plane import image_data, transform_of

_MOST = 3


def compose_selected(viewer: Viewer) -> None:
    """Add a colour image made of the two or three image layers that are selected.

    It looks as the layers do, blended by adding: each in the colours of its colormap,
    between its contrast limits. It is read plane by plane, as the layers are, and lies
    where they lie; they are not changed.
    """
    layers = [layer for layer in viewer.layers if layer in viewer.layers.selection]
    try:
        composed = compose(layers)
    except InvalidImageError as error:
        show_error(str(error))
        return
    name = " + ".join(layer.name for layer in layers)
    viewer.add_image(composed, rgb=True, name=name, **transform_of(layers[0]))
    show_info(
        f"{name} has the colours and contrast that its channels have now; compose "
        f"them again after changing these."
    )


def compose(layers: list[Any]) -> ComposedArray:
    """Return the sum of image layers in the colours of their colormaps.

    Raises
    ------
    InvalidImageError
        If they are not two or three grey images of one shape at one place.
    """
    is_grey = [isinstance(layer, Image) and not layer.rgb for layer in layers]
    if not 2 <= len(layers) <= _MOST or not all(is_grey):
        raise InvalidImageError(
            "Select two or three grey image layers in the list of layers, with Shift "
            "or Ctrl, to compose them to colours."
        )
    first = layers[0]
    corners = np.stack([np.zeros(first.ndim), np.ones(first.ndim)])
    for layer in layers[1:]:
        same_place = layer.ndim == first.ndim and all(
            np.allclose(layer.data_to_world(c), first.data_to_world(c)) for c in corners
        )
        if not same_place:
            raise InvalidImageError(
                f"{layer.name} lies elsewhere than {first.name} or has another scale; "
                f"only channels of one image can be composed."
            )
    return ComposedArray(
        [image_data(layer) for layer in layers], [_colouring(layer) for layer in layers]
    )


def _colouring(layer: Image) -> Colouring:
    low, high = layer.contrast_limits
    steps = np.linspace(0, 1, 256) ** layer.gamma
    return Colouring(float(low), float(high), layer.colormap.map(steps)[:, :3])
