import pytest
from npe2 import PluginManifest

import napari_segment_anything
from napari_segment_anything.widgets.sample_data import simulated_cells

pytestmark = pytest.mark.gui

NAME = "napari-segment-anything"


@pytest.fixture
def manifest():
    return PluginManifest.from_distribution(NAME)


def test_the_manifest_is_valid_and_its_names_can_be_imported(manifest):
    manifest.validate_imports()
    assert manifest.name == NAME
    assert manifest.package_version == napari_segment_anything.__version__
    assert all(c.id.startswith(f"{NAME}.") for c in manifest.contributions.commands)


def test_the_sample_is_a_movie_that_the_dock_understands():
    ((images, options, layer_type),) = simulated_cells()
    assert layer_type == "image"
    assert images.ndim == 3
    assert options["axis_labels"] == ("T", "Y", "X")
