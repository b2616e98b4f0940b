"""A projection along depth as an image layer, so that its objects can be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.track_projection import project_stack
from napari_segment_anything.widgets.plane import image_shape, spread_over

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.batch.track_projection import Projection
    from napari_segment_anything.widgets.time_request import TimeRequest


def projection_job(
    request: TimeRequest, how: Projection
) -> Generator[Progress, None, npt.NDArray[np.generic]]:
    """Project the image of a request along Z, frame by frame.

    Returns
    -------
    array
        The axes of the image, with a single slice and a single channel.
    """
    stack = project_stack(request.source.stack(request.plane), "Z", how)
    first = stack.read((0,) * len(stack.index_axes))
    found = np.empty((*stack.index_shape, *first.shape), first.dtype)
    for done, index in enumerate(stack.indices()):
        yield Progress("project", done, stack.n_planes)
        found[index] = stack.read(index)
    kept = stack.index_axes + "".join(stack.plane_axes)
    single = [n for n, letter in enumerate(request.axes) if letter not in kept]
    return np.expand_dims(found, single)


def add_projection(
    viewer: ViewerModel,
    image: Image,
    axes: str,
    projected: npt.NDArray[np.generic],
    how: Projection,
) -> Image:
    """Show a projection over the whole depth of its image, and hide the image."""
    lengths = dict(enumerate(image_shape(image)))
    single = {n: lengths[n] for n, letter in enumerate(axes) if letter in "CZ"}
    layer = viewer.add_image(
        projected,
        rgb=image.rgb,
        name=f"{image.name} {how}",
        colormap=None if image.rgb else image.colormap.name,
        **spread_over(image, single),
    )
    image.visible = False
    return layer
