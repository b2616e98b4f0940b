import numpy as np
import pytest

from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.session.objects import PlanePrompts, group_prompts


def drawn(points=(), is_inside=(), boxes=()):
    return PlanePrompts(
        np.reshape(np.array(points, float), (-1, 2)),
        np.array(is_inside, bool),
        np.reshape(np.array(boxes, float), (-1, 4)),
    )


def test_points_without_boxes_are_one_object():
    prompts = group_prompts(drawn([[1, 2], [3, 4]], [True, False]))
    assert prompts.n_objects == 1
    assert prompts.points.tolist() == [[[1, 2], [3, 4]]]
    assert prompts.point_labels.tolist() == [[1, 0]]


def test_a_point_goes_with_the_smallest_box_around_it_or_the_nearest():
    large, small, far = [0, 0, 40, 40], [10, 10, 20, 20], [60, 60, 70, 70]
    prompts = group_prompts(
        drawn(
            [[15, 15], [30, 30], [58, 60]],
            [True, False, True],
            [large, small, far],
        )
    )
    assert prompts.boxes.tolist() == [large, small, far]
    of_box = [
        prompts.points[i][prompts.point_labels[i] != -1].tolist() for i in range(3)
    ]
    assert of_box == [[[30, 30]], [[15, 15]], [[58, 60]]]


def test_outside_points_alone_name_no_object():
    only_outside = drawn([[1, 1]], [False])
    assert not only_outside.is_empty
    assert not only_outside.has_object
    with pytest.raises(InvalidPromptError, match="inside"):
        group_prompts(only_outside)


def test_a_box_needs_no_point():
    assert drawn(boxes=[[0, 0, 5, 5]]).has_object
    assert drawn().is_empty
