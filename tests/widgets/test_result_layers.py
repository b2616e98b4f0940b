import numpy as np
import pytest
from napari.layers import Image

from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.widgets import empty_labels
from napari_segment_anything.widgets.result_layers import ResultLayer, edit_of_stroke

pytestmark = pytest.mark.gui

PLANE = PlaneId(("Y", "X"), (("T", 1),))


@pytest.fixture
def results(qapp):
    return ResultLayer(Image(np.zeros((2, 10, 12))), "TYX")


@pytest.fixture
def strokes(results):
    told = []
    results.painted.connect(told.append)
    return told


def edit(*pixels, before=0, after=5):
    index = tuple(np.array(column) for column in zip(*pixels, strict=True))
    n = len(pixels)
    return PixelEdit(index, np.full(n, before, "i4"), np.full(n, after, "i4"))


def test_an_edit_is_no_stroke_and_spares_what_changed_since(results, strokes):
    results.apply(edit((1, 2, 3), (1, 2, 4)))
    results.layer.data[1, 2, 4] = 8
    results.apply(edit((1, 2, 3), (1, 2, 4)).inverse)
    assert np.argwhere(results.layer.data).tolist() == [[1, 2, 4]]
    assert strokes == []


def test_a_stroke_is_told_with_what_was_there_at_first(results, strokes):
    layer = results.layer
    results.apply(edit((1, 2, 3)))
    layer.selected_label = 7
    layer.brush_size = 3
    with layer.block_history():
        layer.paint((1, 2, 3), 7)
        layer.paint((1, 2, 5), 7)
        layer.paint((1, 2, 3), 7)
    (stroke,) = strokes
    assert set(stroke.after) == {7}
    labels = layer.data.copy()
    labels[stroke.index] = stroke.before
    assert np.argwhere(labels).tolist() == [[1, 2, 3]]
    assert labels[1, 2, 3] == 5


def test_filling_and_erasing_are_strokes(results, strokes):
    layer = results.layer
    layer.n_edit_dimensions = 2
    layer.selected_label = 4
    layer.fill((1, 0, 0), 4)
    assert len(strokes[0]) == 120
    layer.paint((1, 5, 5), 0)
    assert set(strokes[1].after) == {0}
    assert set(strokes[1].before) == {4}


def test_strokes_in_both_forms_of_napari_are_understood():
    pixels = tuple(np.array(column) for column in ([0, 0], [1, 2], [3, 3]))
    old_form = edit_of_stroke([(pixels, np.array([0, 9]), 4)], (2, 4, 5))
    mask = np.array([[[True], [True]]])
    box = (slice(0, 1), slice(1, 3), slice(3, 4))
    new_form = edit_of_stroke([(box, mask, np.array([0, 9]), 4)], (2, 4, 5))
    whole_box = edit_of_stroke([(box, None, np.array([[[0], [9]]]), 4)], (2, 4, 5))
    for stroke in (old_form, new_form, whole_box):
        assert np.transpose(stroke.index).tolist() == [[0, 1, 3], [0, 2, 3]]
        assert stroke.before.tolist() == [0, 9]
        assert stroke.after.tolist() == [4, 4]
    assert edit_of_stroke([("unknown",)], (2, 4, 5)) is None


def test_labels_are_read_at_pixels(results):
    results.apply(edit((1, 2, 3)))
    assert results.label_at(PLANE, 2.4, 2.6) == 5
    assert results.label_at(PLANE, -3, 3) == 0
    assert results.label_at(PLANE, 2, 50) == 0


def test_an_id_picked_for_painting_is_told(results):
    used = []
    results.id_used.connect(used.append)
    results.layer.selected_label = 12
    assert used == [12]


def test_labels_that_would_not_fit_into_memory_are_painted_onto_the_disk(
    qapp, tmp_path, monkeypatch
):
    monkeypatch.setattr(empty_labels, "user_data_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(empty_labels, "fits_memory", lambda shape: False)
    # 840 GB of labels, of which next to nothing comes to lie on the disk.
    image = Image(
        np.broadcast_to(np.uint16(0), (1000, 50, 2048, 2048)),
        name="movie",
        scale=(1, 2, 0.5, 0.5),
        contrast_limits=(0, 1),
    )
    results = ResultLayer(image, "TZYX")
    plane = PlaneId(("Y", "X"), (("T", 731), ("Z", 12)))
    change = edit((731, 12, 900, 1000), (731, 12, 901, 1000))
    results.apply(change)
    results.layer.brush_size = 1
    results.layer.paint((731, 12, 5, 6), 9)
    assert results.label_at(plane, 901, 1000) == 5
    results.layer.data.flush()
    (path,) = (tmp_path / "labels").iterdir()
    kept = LabelStore.open(path, mode="r").read_plane((731, 12))
    assert {tuple(place): kept[tuple(place)] for place in np.argwhere(kept)} == {
        (5, 6): 9,
        (900, 1000): 5,
        (901, 1000): 5,
    }
    results.apply(change.inverse)
    assert results.label_at(plane, 901, 1000) == 0
