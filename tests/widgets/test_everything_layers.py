import numpy as np
import pytest

from napari_segment_anything.session.jobs import PlaneTracks
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.everything_layers import (
    data_on_layer,
    labels_on_layer,
)

pytestmark = pytest.mark.gui


@pytest.fixture
def found():
    plane = PlaneId(("Y", "X"), (("T", 0), ("C", 1)))
    return PlaneTracks(plane, "TYX", result=None)


def test_labels_get_the_axes_of_the_image(found):
    labels = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    on_layer = labels_on_layer(labels, found, "TCYX")
    assert on_layer.shape == (2, 1, 3, 4)
    np.testing.assert_array_equal(on_layer[:, 0], labels)
    turned = labels_on_layer(labels, found, "TXY")
    np.testing.assert_array_equal(turned[1], labels[1].T)


def test_tracks_get_the_axes_of_the_image(found):
    data = np.array([[7, 0, 1, 2], [7, 1, 3, 4]], float)
    assert data_on_layer(data, found, "TCYX").tolist() == [
        [7, 0, 0, 1, 2],
        [7, 1, 0, 3, 4],
    ]
    assert data_on_layer(data, found, "TXY").tolist() == [[7, 0, 2, 1], [7, 1, 4, 3]]
