import numpy as np
import pytest
from napari.layers import Image

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.preview_layer import PreviewLayer

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
    assert preview.layer.data.shape == (1, 5, 3)
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


def test_the_chosen_mask_is_opaque_and_other_sizes_are_quieter(qapp):
    image = Image(np.zeros((60, 60), np.uint8))
    preview = PreviewLayer(image, "YX")
    squares = MaskSet.from_masks(
        (60, 60),
        [(20, 20, 40, 40), (5, 5, 55, 55)],
        [np.ones((n, n), bool) for n in (20, 50)],
    )
    preview.show(squares.select([0]), PlaneId(), squares.select([1]))
    chosen, other = (preview.layer.get_color(int(value)) for value in (1, 2))
    assert chosen[3] == 1
    assert 0 < other[3] < 1
    assert preview.layer.data[15, 25] == 1
    assert set(np.unique(preview.layer.data[0])) == {0, 2}


def test_what_is_shown_is_not_drawn_again_until_it_was_hidden(two_masks, qapp):
    preview, plane = PreviewLayer(Image(np.zeros((60, 60))), "YX"), PlaneId()
    preview.show(two_masks, plane)
    drawn = preview.layer.data
    preview.show(two_masks, plane)
    assert preview.layer.data is drawn
    preview.show(two_masks.select([0]), plane)
    assert preview.layer.data is not drawn
    preview.hide()
    preview.show(two_masks, plane)
    assert preview.layer.data.any()


def test_the_viewer_hears_of_a_new_mask_once(two_masks, viewer_model):
    image = viewer_model.add_image(np.zeros((60, 60)))
    preview = PreviewLayer(image, "YX")
    viewer_model.add_layer(preview.layer)
    heard = []
    for event in (preview.layer.events.data, preview.layer.events.translate):
        event.connect(lambda event: heard.append(event.type))
    preview.show(two_masks, PlaneId())
    assert heard == ["translate"]
    assert np.allclose(viewer_model.layers.extent.world[1], image.extent.world[1])
    y, x = preview.layer.data_to_world(np.argwhere(preview.layer.data)[0])
    assert preview.layer.get_value((y, x), world=True) == 1
