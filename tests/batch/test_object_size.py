"""One size of objects for a stack, from a model with perfect maps."""

from dataclasses import replace

import numpy as np
import pytest

from bright_sam import bright_predictor, work_of
from napari_segment_anything.batch.object_size import with_object_size
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.working_scale import (
    SEARCHED_DIAMETER,
    scale_for_diameter,
)
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack

SETTINGS = AutomaticSettings.for_model(CONFIGS["tiny"])
LIMITS = IntensityRange(100, 2100)


def stack_of(radius, n_planes=5, side=600):
    y, x = np.indices((side, side))
    is_disk = (y % 60 - 30) ** 2 + (x % 60 - 30) ** 2 <= radius**2
    plane = (100 + 2000 * is_disk).astype(np.uint16)
    return Stack(np.stack([plane] * n_planes), "TYX")


def test_small_objects_of_large_planes_are_looked_at_closely():
    stack = stack_of(radius=10)
    settled = with_object_size(SETTINGS, stack, bright_predictor(), LIMITS)
    assert settled.object_diameter == pytest.approx(20, rel=0.3)
    assert replace(settled, object_diameter=0.0) == SETTINGS
    # The size stands for a scale that tiles really have.
    scale = scale_for_diameter(
        settled.object_diameter, (600, 600), 128, SEARCHED_DIAMETER
    )
    assert SEARCHED_DIAMETER / settled.object_diameter == pytest.approx(scale)


def test_a_size_that_was_given_and_a_single_plane_need_no_look():
    predictor = bright_predictor()
    given = replace(SETTINGS, object_diameter=33.0)
    assert with_object_size(given, stack_of(10), predictor, LIMITS) is given
    single = stack_of(10, n_planes=1)
    assert with_object_size(SETTINGS, single, predictor, LIMITS) is SETTINGS
    untiled = replace(SETTINGS, tile=False)
    assert with_object_size(untiled, stack_of(10), predictor, LIMITS) is untiled
    assert work_of(predictor) == (0, 0)
