import errno

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_segment_anything.widgets import empty_labels
from napari_segment_anything.widgets.empty_labels import empty_labels as make

pytestmark = pytest.mark.gui


@pytest.fixture
def image():
    return Image(np.zeros((3, 40, 50), np.uint8), name="movie")


def test_labels_that_fit_are_an_array(image):
    labels = make(image, "TYX", (3, 40, 50))
    assert isinstance(labels, np.ndarray)
    assert labels.shape == (3, 40, 50)


def test_a_stroke_that_cannot_be_written_is_said_and_kept(
    qtbot, image, tmp_path, monkeypatch
):
    monkeypatch.setattr(empty_labels, "user_data_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(empty_labels, "fits_memory", lambda shape: False)
    said = []
    monkeypatch.setattr(empty_labels, "show_error", said.append)
    labels = make(image, "TYX", (3, 40, 50))
    layer = Labels(labels)
    whole = labels._array

    class FullDisk:
        shape, dtype, chunks = whole.shape, whole.dtype, whole.chunks

        def __getitem__(self, key):
            return whole[key]

        def __setitem__(self, key, value):
            raise OSError(errno.ENOSPC, "No space left on device")

    labels._array = FullDisk()
    layer.data_setitem((np.array([1]), np.array([2]), np.array([3])), 4)
    # It comes from the thread that writes, and arrives in that of the window.
    qtbot.waitUntil(lambda: len(said) == 1, timeout=30_000)
    assert "disk is full" in said[0]
    assert "kept in memory" in said[0]
    assert layer.data[1, 2, 3] == 4
    labels._array = whole
    labels.flush()
    assert whole[1, 2, 3] == 4
