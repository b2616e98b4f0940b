import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.objects import AcceptedObject
from napari_segment_anything.session.painting import (
    Replaced,
    keep_free_objects,
    paint_masks,
)
from napari_segment_anything.session.planes import PlaneId


def masks(*boxes):
    return MaskSet.from_masks(
        (10, 12), boxes, [np.ones((b[2] - b[0], b[3] - b[1]), bool) for b in boxes]
    )


def paint(labels, mask_set, **options):
    painted = paint_masks(mask_set, lambda slices: labels[slices], **options)
    (top, left), (height, width) = painted.corner, painted.after.shape
    labels[top : top + height, left : left + width] = painted.after
    return painted


def empty():
    return np.zeros((10, 12), np.int32)


def test_the_first_of_overlapping_masks_lies_on_top():
    labels = empty()
    paint(labels, masks((0, 0, 3, 3), (1, 1, 4, 4)), first_id=1)
    assert labels[:4, :4].tolist() == [
        [1, 1, 1, 0],
        [1, 1, 1, 2],
        [1, 1, 1, 2],
        [0, 2, 2, 2],
    ]


def test_ids_follow_without_gaps_and_hidden_objects_get_none():
    labels = empty()
    paint(labels, masks((0, 0, 4, 4)), first_id=1)
    painted = paint(labels, masks((1, 1, 3, 3), (6, 6, 8, 8), (2, 4, 4, 6)), first_id=5)
    assert painted.ids == {1: 5, 2: 6}
    assert np.unique(labels).tolist() == [0, 1, 5, 6]


def test_nothing_is_painted_under_others_unless_it_may():
    labels = empty()
    paint(labels, masks((0, 0, 4, 4)), first_id=1)
    before = labels.copy()
    assert paint(labels, masks((1, 1, 3, 3)), first_id=2).ids == {}
    np.testing.assert_array_equal(labels, before)
    paint(labels, masks((1, 1, 3, 3)), first_id=2, may_overwrite=True)
    assert (labels == 2).sum() == 4


def test_a_rim_of_other_objects_is_no_object():
    labels = empty()
    paint(labels, masks((0, 0, 10, 6)), first_id=1)
    before = labels.copy()
    # A quarter of the first is free, a third of the second.
    assert paint(labels, masks((0, 0, 2, 8)), first_id=2).ids == {}
    np.testing.assert_array_equal(labels, before)
    assert paint(labels, masks((0, 0, 1, 9)), first_id=2).ids == {0: 2}
    assert labels[0, 6:10].tolist() == [2, 2, 2, 0]
    # What covers it in its own set is not another object.
    painted = paint(labels, masks((4, 6, 8, 12), (4, 6, 9, 12)), first_id=3)
    assert painted.ids == {0: 3, 1: 4}


def test_what_was_painted_of_an_object_is_cut_tightly():
    painted = paint(empty(), masks((2, 3, 5, 8), (0, 0, 1, 1)), first_id=1)
    corner, mask = painted.mask_of(1)
    assert corner == (2, 3)
    assert mask.shape == (3, 5)
    assert mask.all()


def replaced(corner, shape, part, object_id=3):
    known = AcceptedObject(
        object_id, PlaneId(), Drawing(), 0.9, "", corner, np.ones(shape, bool)
    )
    return Replaced(known, part)


WHOLE = slice(0, 10), slice(0, 12)


def test_an_object_that_is_painted_again_keeps_id_and_handwork():
    labels = empty()
    labels[2:5, 2:5] = 3
    labels[0:2, 9:12] = 7
    # By hand: one pixel painted beside it, one of its corner erased.
    labels[8, 8] = 3
    labels[2, 2] = 0
    painted = paint(
        labels,
        masks((2, 2, 6, 6)),
        first_id=9,
        replaced=replaced((2, 2), (3, 3), (slice(2, 9), slice(2, 9))),
    )
    # Read where the object and the mask lie, and nowhere else.
    assert painted.corner == (2, 2)
    assert painted.before.shape == (7, 7)
    assert painted.ids == {0: 3}
    expected = np.zeros((10, 12), int)
    expected[2:6, 2:6] = 3
    expected[8, 8] = 3
    expected[2, 2] = 0
    expected[0:2, 9:12] = 7
    np.testing.assert_array_equal(labels, expected)


def test_an_object_may_shrink_and_bring_others():
    labels = empty()
    labels[2:8, 2:8] = 3
    painted = paint(
        labels,
        masks((2, 2, 4, 4), (6, 6, 8, 8)),
        first_id=9,
        replaced=replaced((2, 2), (6, 6), WHOLE),
    )
    assert painted.ids == {0: 3, 1: 9}
    assert (labels == 3).sum() == 4
    assert (labels == 9).sum() == 4


def test_objects_that_are_there_already_are_left_out():
    present = np.zeros((10, 12), int)
    present[0:4, 0:4] = 3
    found = masks((0, 0, 4, 4), (3, 3, 9, 9), (6, 0, 9, 3))
    kept = keep_free_objects(found, lambda part: present[part])
    # The first is there; the second shares 1 of 36 pixels, the third none.
    assert kept.boxes.tolist() == [[3, 3, 9, 9], [6, 0, 9, 3]]
