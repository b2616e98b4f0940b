import numpy as np

from napari_segment_anything.session.pixel_edit import PixelEdit, of_plane
from napari_segment_anything.session.planes import PlaneId


def test_the_edit_of_a_part_of_a_plane_lies_where_the_part_lies():
    before, after = np.zeros((2, 2), int), np.array([[1, 1], [0, 2]])
    plane = PlaneId(("T", "X"), (("Y", 4),))
    edit = of_plane(plane, "TYX", (1, 5), before, after)
    labels = np.zeros((4, 6, 9), np.int32)
    labels[edit.index] = edit.after
    assert np.argwhere(labels == 1).tolist() == [[1, 4, 5], [1, 4, 6]]
    assert np.argwhere(labels == 2).tolist() == [[2, 4, 6]]


def test_pixels_that_someone_changed_since_are_left_alone():
    edit = PixelEdit((np.arange(3),), np.array([4, 4, 4]), np.array([0, 0, 0]))
    part = edit.applicable(np.array([4, 9, 4]))
    assert part.index[0].tolist() == [0, 2]
    assert part.after.tolist() == [0, 0]


def test_runs_give_the_edit_back():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (3, 5, 7)).astype(np.int32)
    index = np.nonzero(rng.random(labels.shape) < 0.4)
    after = rng.integers(0, 3, len(index[0])).astype(np.int32)
    edit = PixelEdit(index, labels[index], after)
    again = PixelEdit.from_runs(edit.runs(labels.shape), labels)
    changed, expected = labels.copy(), labels.copy()
    changed[again.index] = again.after
    expected[index] = after
    np.testing.assert_array_equal(changed, expected)


def test_a_row_of_one_label_is_one_run():
    edit = PixelEdit(
        (np.array([1, 1, 1, 2]), np.array([2, 3, 4, 0])),
        np.zeros(4, np.int32),
        np.array([5, 5, 6, 6], np.int32),
    )
    assert edit.runs((3, 5)) == [[7, 2, 5], [9, 2, 6]]
