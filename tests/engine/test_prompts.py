import numpy as np
import pytest

from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.errors import InvalidPromptError


def test_one_object_from_points():
    prompts = Prompts.from_points([[1, 2], [3, 4]], [1, 0])
    assert prompts.n_objects == 1
    np.testing.assert_array_equal(prompts.points, [[[1, 2], [3, 4]]])
    np.testing.assert_array_equal(prompts.point_labels, [[1, 0]])
    assert prompts.boxes is None


def test_points_without_labels_lie_inside():
    np.testing.assert_array_equal(
        Prompts.one(points=[[1, 2], [3, 4]]).point_labels, [[1, 1]]
    )


def test_no_points_beside_a_box_count_as_none():
    prompts = Prompts.one(points=np.zeros((0, 2)), labels=[], box=[0, 0, 4, 4])
    assert prompts.points is None
    assert prompts.point_labels is None


def test_stack_pads_with_points_that_are_ignored():
    stacked = Prompts.stack(
        [
            Prompts.from_points([[1, 1]], [1]),
            Prompts.from_points([[2, 2], [3, 3]], [1, 0]),
        ]
    )
    np.testing.assert_array_equal(stacked.point_labels, [[1, -1], [1, 0]])
    np.testing.assert_array_equal(stacked.points[1], [[2, 2], [3, 3]])


def test_stack_keeps_boxes_of_objects_without_points():
    stacked = Prompts.stack(
        [
            Prompts.one(box=[0, 0, 1, 1]),
            Prompts.one(points=[[5, 5]], box=[2, 2, 8, 8]),
        ]
    )
    np.testing.assert_array_equal(stacked.point_labels, [[-1], [1]])
    assert stacked.boxes.shape == (2, 4)


def test_shift_moves_points_and_boxes():
    prompts = Prompts.one(points=[[1, 2]], box=[0, 0, 4, 6]).shift(10, -1)
    np.testing.assert_array_equal(prompts.points, [[[11, 1]]])
    np.testing.assert_array_equal(prompts.boxes, [[10, -1, 14, 5]])


def test_select_picks_objects():
    prompts = Prompts.from_boxes([[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]])
    np.testing.assert_array_equal(
        prompts.select(np.array([2, 0])).boxes, [[4, 4, 5, 5], [0, 0, 1, 1]]
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "nothing to predict"),
        ({"points": [[[0, 0]]]}, "belong together"),
        ({"points": [[[0, 0]]], "point_labels": [[2]]}, "label"),
        ({"points": [[[0, 0]]], "point_labels": [[1, 1]]}, "do not fit"),
        ({"points": [[[0, np.nan]]], "point_labels": [[1]]}, "NaN"),
        ({"points": [[0, 0]], "point_labels": [[1]]}, "axes"),
        ({"points": "here", "point_labels": [[1]]}, "not numbers"),
        ({"boxes": [[4, 0, 0, 4]]}, "ends before"),
        ({"boxes": [[0, 0, 4]]}, r"\(N, 4\)"),
        ({"masks": np.zeros((1, 4, 5))}, r"\(N, L, L\)"),
        ({"boxes": np.zeros((2, 4)), "masks": np.zeros((1, 4, 4))}, "different"),
    ],
)
def test_bad_prompts_are_refused_with_a_reason(arguments, reason):
    with pytest.raises(InvalidPromptError, match=reason):
        Prompts(**arguments)


def test_joining_objects_with_and_without_boxes_is_refused():
    with pytest.raises(InvalidPromptError, match="separately"):
        Prompts.stack([Prompts.one(points=[[0, 0]]), Prompts.one(box=[0, 0, 1, 1])])
    with pytest.raises(InvalidPromptError, match="at least one"):
        Prompts.stack([])
