import numpy as np
import pytest
from napari.layers import Image

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.widgets.result_layers import (
    Painting,
    ResultLayer,
    keep_free_objects,
)

pytestmark = pytest.mark.gui

PLANE = PlaneId(("Y", "X"), (("T", 1),))


@pytest.fixture
def results(qapp):
    return ResultLayer(Image(np.zeros((2, 10, 12))), "TYX")


def masks(*boxes):
    return MaskSet.from_masks(
        (10, 12), boxes, [np.ones((b[2] - b[0], b[3] - b[1]), bool) for b in boxes]
    )


def paint(results, mask_set, first_id=1, **options):
    painting = Painting.of_masks(mask_set)
    return results.paint(painting, PLANE, PlanePrompts(), first_id=first_id, **options)


def test_the_first_of_overlapping_masks_lies_on_top():
    painting = Painting.of_masks(masks((0, 0, 3, 3), (1, 1, 4, 4)))
    assert painting.labels.tolist() == [
        [1, 1, 1, 0],
        [1, 1, 1, 2],
        [1, 1, 1, 2],
        [0, 2, 2, 2],
    ]


def test_ids_follow_without_gaps_and_hidden_objects_get_none(results):
    paint(results, masks((0, 0, 4, 4)))
    commit, ids = paint(
        results, masks((1, 1, 3, 3), (6, 6, 8, 8), (2, 4, 4, 6)), first_id=5
    )
    assert ids == {2: 5, 3: 6}
    assert commit.object_ids == (5, 6)
    assert np.unique(results.layer.data).tolist() == [0, 1, 5, 6]
    assert not results.layer.data[0].any()


def test_nothing_is_painted_under_others(results):
    paint(results, masks((0, 0, 4, 4)))
    before = results.layer.data.copy()
    assert paint(results, masks((1, 1, 3, 3)), first_id=2) == (None, {})
    np.testing.assert_array_equal(results.layer.data, before)
    commit, _ = paint(results, masks((1, 1, 3, 3)), first_id=2, may_overwrite=True)
    assert (results.layer.data == 2).sum() == 4
    results.unpaint(commit)
    np.testing.assert_array_equal(results.layer.data, before)


def test_planes_along_depth(qapp):
    results = ResultLayer(Image(np.zeros((3, 10, 12))), "TYX")
    plane = PlaneId(("T", "X"), (("Y", 4),))
    painting = Painting(1, 5, np.array([[1, 1], [0, 1]]))
    results.paint(painting, plane, PlanePrompts(), first_id=9)
    assert np.argwhere(results.layer.data == 9).tolist() == [
        [1, 4, 5],
        [1, 4, 6],
        [2, 4, 6],
    ]


def test_an_id_picked_for_painting_is_told(results):
    used = []
    results.id_used.connect(used.append)
    results.layer.selected_label = 12
    assert used == [12]


def test_objects_that_are_there_already_are_left_out():
    present = np.zeros((10, 12), int)
    present[0:4, 0:4] = 3
    found = masks((0, 0, 4, 4), (3, 3, 9, 9), (6, 0, 9, 3))
    kept = keep_free_objects(found, present)
    # The first is there; the second shares 1 of 36 pixels, the third none.
    assert kept.boxes.tolist() == [[3, 3, 9, 9], [6, 0, 9, 3]]
