"""Labels of a layer whose array is replaced by another one."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_segment_anything.widgets import layer_pixels
from napari_segment_anything.widgets.layer_pixels import LayerPixels

pytestmark = pytest.mark.gui


@pytest.fixture
def layer(qapp):
    return Labels(np.zeros((3, 4, 5), np.int32), name="cells tracked")


@pytest.fixture
def pixels(layer):
    return LayerPixels(layer)


def test_the_array_that_is_shown_is_read_and_changed(layer, pixels):
    layer.data = layer.data.astype(np.int64)
    pixels[0, slice(None), slice(None)] = np.full((4, 5), 2**20)
    assert (layer.data[0] == 2**20).all()
    layer.data[1] = 4
    assert (pixels[1, slice(None), slice(None)] == 4).all()
    assert pixels.shape == (3, 4, 5)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_what_a_job_changes_during_a_conversion_is_not_lost(
    layer, pixels, dtype, monkeypatch
):
    monkeypatch.setattr(layer_pixels, "show_info", lambda text: None)
    pixels.hold()
    copy = layer.data.astype(dtype)
    pixels[0, slice(None), slice(None)] = np.full((4, 5), 7)
    layer.data = copy
    pixels[1, slice(None), slice(None)] = np.full((4, 5), 8)
    pixels.release()
    assert layer.data.max(axis=(1, 2)).tolist() == [7, 8, 0]
    # What is put there when no job runs is as it is.
    layer.data = np.full((3, 4, 5), 9)
    assert (layer.data == 9).all()


def test_a_type_that_new_ids_fit_into_is_kept(layer, pixels, monkeypatch):
    told = []
    monkeypatch.setattr(layer_pixels, "show_info", told.append)
    layer.data[0] = 200
    layer.data = layer.data.astype(np.uint32)
    assert (layer.data.dtype, told) == (np.uint32, [])
    layer.data = layer.data.astype(np.uint8)
    assert layer.data.dtype == np.int32
    assert (layer.data[0] == 200).all()
    assert len(told) == 1
    assert "“cells tracked” stay int32" in told[0]
    assert "would not fit into uint8" in told[0]
