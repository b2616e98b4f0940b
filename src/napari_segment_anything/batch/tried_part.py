"""The part of a plane that is tried, to tell how long the whole would take."""

from dataclasses import replace

from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.searched_plane import SearchedPlane
from napari_segment_anything.engine.working_scale import (
    SEARCHED_DIAMETER,
    scale_for_diameter,
    window_side,
)
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack

# Tiles along each side that stand for all others.
_TILES = 4
# A part is tried only where it saves much.
_LEAST_FACTOR = 2.0


def tried_part(
    stack: Stack,
    index: tuple[int, ...],
    predictor: StoredPredictor,
    settings: AutomaticSettings,
    limits: IntensityRange,
) -> tuple[Stack, AutomaticSettings, float]:
    """Cut the middle out of planes that are searched in many tiles.

    Parameters
    ----------
    stack : Stack
        The input of the job.
    index : tuple of int
        The plane that is to be tried.
    predictor, settings, limits : StoredPredictor, AutomaticSettings, IntensityRange
        Of the job.

    Returns
    -------
    tuple
        The stack of the part, the settings with the size of objects settled, and by
        how much a plane is larger than the part; 1 where planes are tried as a whole.
    """
    if not settings.tile:
        return stack, settings, 1.0
    shape, diameter = stack.plane_shape, settings.object_diameter
    if diameter == 0:
        plane = SearchedPlane.create(plane_of(stack, index), None, limits)
        scale = plane.scale(predictor, settings)
        if scale is None:
            return stack, settings, 1.0
        diameter = SEARCHED_DIAMETER / scale
    else:
        scale = scale_for_diameter(
            diameter, shape, predictor.frame_size, SEARCHED_DIAMETER
        )
    side = _TILES * window_side(scale, predictor.frame_size)
    factor = shape[0] * shape[1] / (min(side, shape[0]) * min(side, shape[1]))
    if factor < _LEAST_FACTOR:
        return stack, settings, 1.0
    middle = {
        axis: slice(max(0, (length - side) // 2), (length + side + 1) // 2)
        for axis, length in zip(stack.plane_axes, shape, strict=True)
    }
    return (
        stack.select(**middle),
        replace(settings, object_diameter=diameter),
        factor,
    )
