"""Positions of other layers in the image, whatever their scales and axes."""

import numpy as np
import pytest

from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.layer_prompts import LayerPrompts

pytestmark = pytest.mark.gui
SHOWN = PlaneId(index=(("T", 1),))


@pytest.fixture
def image(viewer_model):
    return viewer_model.add_image(
        np.zeros((3, 40, 60)), scale=(1, 0.5, 0.5), translate=(0, 10, 20)
    )


def collected(layer, image):
    return LayerPrompts(layer, image, "TYX", SHOWN).collect()


def test_a_layer_of_a_plane_lies_on_the_plane_that_is_shown(viewer_model, image):
    points = viewer_model.add_points([[15, 25]])
    ((plane, (drawing,)),) = collected(points, image).items()
    assert plane == SHOWN
    np.testing.assert_allclose(drawing.points, [[10, 10]])


def test_shapes_keep_their_kind_and_go_to_their_own_plane(viewer_model, image):
    corners = [[2, 4, 4], [2, 4, 8], [2, 8, 8], [2, 8, 4]]
    shapes = viewer_model.add_shapes(
        [corners, corners[:2]],
        shape_type=["ellipse", "path"],
        scale=(1, 0.5, 0.5),
        translate=(0, 10, 20),
    )
    ((plane, drawings),) = collected(shapes, image).items()
    assert plane == PlaneId(index=(("T", 2),))
    assert [drawing.describe() for drawing in drawings] == ["1 ellipse", "1 path"]
    np.testing.assert_allclose(
        drawings[0].outlines[0].box, [4, 4, 8, 8], rtol=0, atol=1e-6
    )


def test_labels_become_outlines_on_the_image(viewer_model, image):
    labels = np.zeros((3, 20, 30), np.uint8)
    labels[1, 5:10, 5:15] = 3
    layer = viewer_model.add_labels(labels, translate=(0, 10, 20))
    ((plane, (drawing,)),) = collected(layer, image).items()
    assert plane == SHOWN
    (outline,) = drawing.outlines
    # Twice as many pixels a side; half a pixel around, as outlines run.
    np.testing.assert_allclose(outline.box, [9, 9, 19, 29], atol=1.1)
