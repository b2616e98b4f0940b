import numpy as np
import pytest
from napari.layers import Image

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.preview_layer import PreviewLayer, masks_to_crop

pytestmark = pytest.mark.gui


@pytest.fixture
def two_masks():
    return MaskSet.from_masks(
        (1000, 1000),
        [(10, 20, 12, 23), (14, 20, 15, 21)],
        [np.ones((2, 3), bool), np.ones((1, 1), bool)],
    )


def test_the_layer_is_as_small_as_the_masks(two_masks, qapp):
    image = Image(np.zeros((4, 1000, 1000), np.uint8), scale=(2, 0.5, 0.5))
    preview = PreviewLayer(image, "TYX")
    plane = PlaneId(("Y", "X"), (("T", 3),))
    preview.show(two_masks, plane)
    assert preview.layer.data.shape == (1, 9, 7)
    shown = {
        tuple(preview.layer.data_to_world(pixel))
        for pixel in np.argwhere(preview.layer.data)
    }
    pixels = [(3, y, x) for y in (10, 11) for x in (20, 21, 22)] + [(3, 14, 20)]
    assert shown == {tuple(image.data_to_world(pixel)) for pixel in pixels}
    image.translate = (1, 1, 1)
    preview.follow_image()
    first = np.argwhere(preview.layer.data)[0]
    np.testing.assert_allclose(
        preview.layer.data_to_world(first), image.data_to_world((3, 10, 20))
    )
    preview.hide()
    assert not preview.layer.data.any()


def test_masks_are_told_apart(two_masks):
    top, left, crop = masks_to_crop(two_masks)
    assert (top, left) == (10, 20)
    assert crop.tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0], [2, 0, 0]]


def test_empty_masks_show_nothing():
    empty = MaskSet.from_masks(
        (9, 9), [(0, 0, 0, 0)], [np.zeros((0, 0), bool)], points=[(0, 0)]
    )
    assert not masks_to_crop(empty)[2].any()
