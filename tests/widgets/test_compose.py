import numpy as np
import pytest
from napari.components import ViewerModel

from napari_segment_anything.errors import InvalidImageError
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets import compose as compose_module
from napari_segment_anything.widgets.compose import compose, compose_selected
from napari_segment_anything.widgets.sources import Sources

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    pixels = np.zeros((3, 8, 9), np.uint16)
    for name, colormap, level in (("DAPI", "blue", 500), ("GFP", "green", 1000)):
        pixels = pixels.copy()
        pixels[:, 2:5, 3:6] = level
        viewer.add_image(
            pixels,
            name=name,
            colormap=colormap,
            contrast_limits=(0, 1000),
            scale=(2, 0.5, 0.5),
            axis_labels=("t", "y", "x"),
        )
    return viewer


def test_selected_layers_become_a_colour_image_as_they_look(viewer, monkeypatch):
    said = []
    monkeypatch.setattr(compose_module, "show_info", said.append)
    viewer.layers.select_all()
    compose_selected(viewer)
    assert len(said) == 1
    composed = viewer.layers[-1]
    assert composed.name == "DAPI + GFP"
    assert composed.rgb
    np.testing.assert_array_equal(composed.scale, (2, 0.5, 0.5))
    # The docks read it like any other image.
    source = Sources().of(composed, "TYX")
    plane = source.read(PlaneId(("Y", "X"), (("T", 1),)))
    assert plane.shape == (8, 9, 3)
    np.testing.assert_array_equal(plane[3, 4], [0, 255, 128])
    np.testing.assert_array_equal(plane[0, 0], 0)


@pytest.mark.parametrize("what", ["one", "rgb", "labels", "elsewhere"])
def test_what_cannot_be_composed_is_said(viewer, monkeypatch, what):
    said = []
    monkeypatch.setattr(compose_module, "show_error", said.append)
    first = viewer.layers[0]
    other = {
        "one": first,
        "rgb": viewer.add_image(np.zeros((3, 8, 9, 3), np.uint8), rgb=True),
        "labels": viewer.add_labels(np.zeros((3, 8, 9), int)),
        "elsewhere": viewer.add_image(np.zeros((3, 8, 9)), translate=(0, 1, 0)),
    }[what]
    viewer.layers.selection = {first, other}
    n_layers = len(viewer.layers)
    compose_selected(viewer)
    assert len(said) == 1
    assert len(viewer.layers) == n_layers


def test_the_colormap_counts_whatever_its_colours(viewer):
    first, second = viewer.layers
    first.colormap = "viridis"
    second.contrast_limits = (0, 2000)
    second.gamma = 2
    pixel = compose([first, second])[0, 3, 4].astype(float)
    expected = first.colormap.map(0.5)[0, :3] + [0, 0.25, 0]
    np.testing.assert_allclose(pixel / 255, expected, atol=0.01)
    with pytest.raises(InvalidImageError, match="two or three"):
        compose([first, second, first, second])
