"""The scale of planes whose objects a model with perfect maps sees."""

import numpy as np
import pytest

from napari_segment_anything.engine.working_scale import (
    PROMPTED_DIAMETER,
    SEARCHED_DIAMETER,
    SMALL_DIAMETER,
    estimate_scale,
    scale_for_diameter,
    window_side,
)

from .test_automatic import FULL_RANGE, image_of, predictor_of

FRAME = 128


def disks(shape, spacing, radius):
    y, x = np.indices(shape)
    cy, cx = y % spacing - spacing // 2, x % spacing - spacing // 2
    number = (y // spacing) * (shape[1] // spacing + 1) + x // spacing
    return np.where(cy**2 + cx**2 <= radius**2, number % 24 + 1, 0).astype(np.int32)


def test_a_plane_of_large_objects_is_looked_at_as_a_whole():
    assert scale_for_diameter(40, (512, 400), 512) == 1.0
    assert scale_for_diameter(100, (2048, 2048), 512) == 0.25


@pytest.mark.parametrize("diameter", [5, 9, 13, 20, 30, 60])
def test_windows_bring_small_objects_near_the_working_diameter(diameter):
    scale = scale_for_diameter(diameter, (4096, 4096), 512)
    assert diameter * scale >= SMALL_DIAMETER
    assert diameter * scale <= 2**0.25 * PROMPTED_DIAMETER * 1.001


def test_prompted_objects_are_seen_larger_than_sought_ones():
    shape = (2048, 2048)
    sought = scale_for_diameter(20, shape, 512, SEARCHED_DIAMETER)
    prompted = scale_for_diameter(20, shape, 512, PROMPTED_DIAMETER)
    assert 20 * sought == pytest.approx(SEARCHED_DIAMETER, rel=0.2)
    assert 20 * prompted == pytest.approx(PROMPTED_DIAMETER, rel=0.2)


def test_nearly_equal_diameters_have_one_scale():
    scales = {scale_for_diameter(d, (2048, 2048), 512) for d in (21.0, 22.0, 23.0)}
    assert len(scales) == 1


def test_the_side_of_a_window_fills_the_frame():
    assert window_side(2.0, 512) == 256
    assert window_side(0.25, 512) == 2048


def test_small_objects_of_a_large_plane_are_looked_at_closely():
    predictor, _ = predictor_of()
    image = image_of(disks((500, 500), spacing=30, radius=9))
    scale = estimate_scale(image, predictor, FULL_RANGE)
    assert scale == pytest.approx(PROMPTED_DIAMETER / 18, rel=0.2)


def test_large_objects_of_a_large_plane_are_looked_at_from_afar():
    predictor, _ = predictor_of()
    image = image_of(disks((500, 500), spacing=160, radius=60))
    scale = estimate_scale(image, predictor, FULL_RANGE)
    assert scale == pytest.approx(FRAME / 500, rel=0.5)


def test_an_empty_plane_is_looked_at_as_it_is():
    predictor, sam = predictor_of()
    image = np.zeros((500, 500), np.uint8)
    assert estimate_scale(image, predictor, FULL_RANGE) == 1.0
    assert estimate_scale(image[:100, :100], predictor, FULL_RANGE) == FRAME / 100
    assert sam.n_encoded < 20


def test_without_a_proposal_head_nothing_is_encoded():
    predictor, sam = predictor_of(has_proposals=False)
    image = image_of(disks((500, 500), spacing=30, radius=9))
    assert estimate_scale(image, predictor, FULL_RANGE) == 1.0
    assert sam.n_encoded == 0
