"""The view follows the review list."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.review import Doubt
from napari_segment_anything.tracking.words import MotionWords
from napari_segment_anything.widgets.time_request import TimeRequest, TimeTracks
from napari_segment_anything.widgets.time_tour import DoubtTour

pytestmark = pytest.mark.gui


@pytest.fixture
def tour(viewer_model):
    """One object near the left border, one in the middle; pixels are 2 wide."""
    labels = np.zeros((3, 100, 100), np.int32)
    labels[:, 48:53, 0:5] = 1
    labels[:, 48:53, 48:53] = 2
    layer = viewer_model.add_labels(labels, scale=(1, 2, 2))
    source = PlaneSource(labels.astype(np.uint8), "TYX")
    plane = PlaneId(index=(("T", 0),))
    request = TimeRequest(source, plane, "TYX", "T", range(3), MotionWords())
    doubts = [Doubt(1, one, "divides", 0.5, "") for one in (1, 2)]
    found = TimeTracks(request, None, {(): EditableTracks(labels)}, doubts)
    return DoubtTour(viewer_model, SimpleNamespace(labels=layer, axes="TYX"), found)


def test_the_view_moves_only_as_far_as_it_must(tour, viewer_model):
    layer = tour._layers.labels
    camera = getattr(viewer_model, "scene", viewer_model).camera
    camera.center = (0, 100, 120)
    # What the canvas shows.
    layer.corner_pixels = np.array([[0, 0, 20], [2, 99, 99]])
    tour.go_to(1)
    tour.look_at(np.array([50, 50]))
    assert viewer_model.dims.current_step[0] == 1
    assert tuple(camera.center) == (0, 100, 120)
    tour.go_to(0)
    tour.look_at(np.array([50, 2]))
    # From column 2 to one that is 10 % from the edge: 20 + 7.9 pixels of size 2.
    assert camera.center == pytest.approx((0, 100, 120 - 2 * (20 + 7.9 - 2)))
    # Whoever looks elsewhere meanwhile is not taken back.
    camera.center = (0, 100, 120)
    tour.look_at(np.array([50, 2]))
    assert tuple(camera.center) == (0, 100, 120)


def test_a_doubt_that_is_settled_later_leaves_the_shown_one(tour):
    first, second = tour.doubts
    tour.go_to(1)
    tour.take(first)
    assert (tour.doubts, tour.doubt) == ([second], second)
    # It may be gone already.
    tour.take(first)
    assert tour.doubt is second
    tour.take(second)
    assert (tour.doubts, tour.doubt) == ([], None)
