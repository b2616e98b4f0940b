import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Image

from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.plane import (
    displayed_plane,
    guess_axes,
    image_shape,
    offset_translate,
    stack_axes,
    transform_of,
)

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(
    ("shape", "labels", "axes"),
    [
        ((8, 8), None, "YX"),
        ((3, 8, 8), None, "TYX"),
        ((3, 8, 8), ("z", "y", "x"), "ZYX"),
        ((3, 8, 8), ("time", "y", "x"), "TYX"),
        ((3, 8, 8), ("plate", "row", "column"), "TYX"),
        ((3, 2, 8, 8), None, "TZYX"),
        ((3, 2, 8, 8), ("T", "C", "Y", "X"), "TCYX"),
        ((3, 2, 2, 8, 8), None, "TCZYX"),
    ],
)
def test_axes_are_guessed(shape, labels, axes):
    layer = Image(np.zeros(shape, np.uint8), axis_labels=labels)
    assert guess_axes(layer) == axes


def test_three_slices_are_not_taken_for_rgb():
    layer = Image(np.zeros((8, 8, 3), np.uint8), rgb=False)
    assert stack_axes(layer, guess_axes(layer)) == "TYX"


def test_rgb_has_samples_last():
    layer = Image(np.zeros((5, 8, 9, 3), np.uint8), rgb=True)
    assert guess_axes(layer) == "TYX"
    assert stack_axes(layer, "TYX") == "TYXS"
    assert image_shape(layer) == (5, 8, 9)


def test_the_whole_resolution_of_a_pyramid_counts():
    levels = [np.zeros((3, 64, 64)), np.zeros((3, 32, 32))]
    assert image_shape(Image(levels, multiscale=True)) == (3, 64, 64)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_the_displayed_plane_is_the_one_napari_shows(data):
    """Whatever the order of axes: the plane equals the data that napari slices."""
    n_dimensions = data.draw(st.integers(2, 5))
    shape = tuple(range(4, 4 + n_dimensions))
    pixels = np.arange(np.prod(shape)).reshape(shape)
    axes = "TCZYX"[-n_dimensions:]
    scale = data.draw(st.tuples(*[st.sampled_from([0.5, 1, 3])] * n_dimensions))
    viewer = ViewerModel()
    layer = viewer.add_image(pixels, scale=scale, translate=[7] * n_dimensions)
    if data.draw(st.booleans()):
        # Another layer with more dimensions moves the axes of the first one.
        viewer.add_image(np.zeros((2, *shape)), scale=(1, *scale))
    n_viewer = viewer.dims.ndim
    viewer.dims.order = data.draw(st.permutations(range(n_viewer)))
    position = [data.draw(st.integers(0, length - 1)) for length in shape]
    world = layer.data_to_world(position)
    for axis, value in enumerate(world):
        viewer.dims.set_point(axis + n_viewer - n_dimensions, value)
    plane = displayed_plane(viewer, layer, axes)
    if set(viewer.dims.order[-2:]) & set(range(n_viewer - n_dimensions)):
        # An axis is shown that the layer does not have.
        return
    shown = [a for a in axes if a in plane.plane_axes]
    assert tuple(shown) == plane.plane_axes
    key = tuple(
        slice(None) if letter in plane.plane_axes else plane.position(letter)
        for letter in axes
    )
    expected = layer._slice.image.raw
    chosen = pixels[key]
    assert np.array_equal(chosen, expected) or np.array_equal(chosen.T, expected)


def test_no_plane_in_3d_or_outside():
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((3, 8, 8)))
    viewer.add_image(np.zeros((10, 8, 8)))
    viewer.dims.set_point(0, 9)
    assert displayed_plane(viewer, layer, "TYX") is None
    viewer.dims.set_point(0, 2)
    assert displayed_plane(viewer, layer, "TYX") == PlaneId(("Y", "X"), (("T", 2),))
    viewer.dims.ndisplay = 3
    assert displayed_plane(viewer, layer, "TYX") is None


def test_a_layer_that_starts_inside_of_another_lies_on_its_pixels():
    image = Image(
        np.zeros((4, 20, 30)),
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        rotate=30,
        affine=np.array([[1, 0, 0, 5], [0, 0, 1, 6], [0, -1, 0, 7], [0, 0, 0, 1.0]]),
    )
    offset = np.array([1.0, 7, 11])
    place = {**transform_of(image), "translate": offset_translate(image, offset)}
    part = Image(np.zeros((1, 4, 4)), **place)
    for pixel in ([0, 0, 0], [0, 3, 2]):
        np.testing.assert_allclose(
            part.data_to_world(pixel), image.data_to_world(offset + pixel)
        )
