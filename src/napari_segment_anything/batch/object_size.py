"""One size of objects for all planes of a stack."""

from dataclasses import replace

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import SearchedPlane
from napari_segment_anything.engine.working_scale import WORKING_DIAMETER
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack


def with_object_size(
    settings: AutomaticSettings,
    stack: Stack,
    predictor: MaskPredictor,
    limits: IntensityRange,
) -> AutomaticSettings:
    """Settle the size of objects for a whole stack, from its middle plane.

    Estimated anew on each plane, the scale would cost an extra look at each of them,
    and could change from one frame to the next. A size that the settings name stays,
    and a single plane is left to itself.

    Raises
    ------
    UnreadableInputError
        When the plane cannot be read.
    """
    if settings.object_diameter > 0 or stack.n_planes < 2:
        return settings
    if not (settings.tile and predictor.has_proposals):
        return settings
    middle = list(stack.indices())[stack.n_planes // 2]
    plane = SearchedPlane.create(stack.read(middle), None, limits)
    scale = plane.scale(predictor, settings)
    if scale is None:
        return settings
    return replace(settings, object_diameter=WORKING_DIAMETER / scale)
