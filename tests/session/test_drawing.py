import numpy as np
import pytest

from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.planes import PlaneId

SQUARE = np.array([[10.0, 10], [10, 30], [30, 30], [30, 10]])


def outline(kind, vertices):
    return Outline(kind, np.array(vertices, float))


def drawing(*outlines, points=(), inside=()):
    return Drawing(
        np.array(points, float).reshape(-1, 2), np.array(inside, bool), outlines
    )


def test_a_rectangle_is_a_box_and_nothing_else():
    prompts = drawing(outline(Kind.RECTANGLE, SQUARE)).prompts
    assert prompts.boxes.tolist() == [[10, 10, 30, 30]]
    assert len(prompts.points) == 0


def test_an_ellipse_is_a_box_with_its_centre_inside():
    prompts = drawing(outline(Kind.ELLIPSE, SQUARE)).prompts
    assert prompts.boxes.tolist() == [[10, 10, 30, 30]]
    assert prompts.points.tolist() == [[20, 20]]
    assert prompts.is_inside.tolist() == [True]


def test_a_bent_polygon_has_its_point_inside_of_itself():
    # An L: the middle of its box lies outside of it.
    corners = [[0, 0], [40, 0], [40, 40], [30, 40], [30, 10], [0, 10]]
    prompts = drawing(outline(Kind.POLYGON, corners)).prompts
    assert prompts.boxes.tolist() == [[0, 0, 40, 40]]
    ((y, x),) = prompts.points.tolist()
    assert 30 < y < 40 or 0 < x < 10


def test_a_path_is_a_few_points_along_it_and_no_box():
    prompts = drawing(outline(Kind.PATH, [[0, 0], [0, 30], [10, 30]])).prompts
    assert len(prompts.boxes) == 0
    assert prompts.points.tolist() == [[0, 5], [0, 15], [0, 25], [5, 30]]
    assert prompts.has_object
    # They are there at once: only clicks follow one after the other.
    path = outline(Kind.PATH, [[0, 0], [0, 30]])
    clicked = drawing(path, points=[[7, 7], [8, 8]], inside=[True, False]).prompts
    assert clicked.points[:2].tolist() == [[7, 7], [8, 8]]
    assert (len(clicked.points), clicked.n_told) == (6, 4)


@pytest.mark.parametrize("kind", [Kind.POLYGON, Kind.PATH, Kind.LINE])
def test_a_shape_without_extent_is_still_a_prompt(kind):
    prompts = drawing(outline(kind, [[3, 3], [3, 3], [3, 3]])).prompts
    assert np.isfinite(prompts.points).all()
    assert prompts.has_object


def test_each_object_gets_its_part_of_a_drawing():
    far = SQUARE + 50
    parts = drawing(
        outline(Kind.RECTANGLE, SQUARE),
        outline(Kind.PATH, [[61, 61], [70, 70]]),
        outline(Kind.ELLIPSE, far),
        points=[[12, 12], [85, 85]],
        inside=[True, False],
    ).split()
    assert [[str(o.kind) for o in part.outlines] for part in parts] == [
        ["rectangle"],
        ["ellipse", "path"],
    ]
    assert [part.points.tolist() for part in parts] == [[[12, 12]], [[85, 85]]]


def test_planes_are_taken_out_and_put_back():
    plane, other = PlaneId(index=(("T", 1),)), PlaneId(index=(("T", 2),))
    here = drawing(outline(Kind.ELLIPSE, SQUARE), points=[[1, 2]], inside=[False])
    there = drawing(points=[[3, 4]], inside=[True])
    both = here.lifted(plane, "TYX").joined(there.lifted(other, "TYX"))
    assert both.points.tolist() == [[1, 1, 2], [2, 3, 4]]
    assert both.on(plane, "TYX").equals(here)
    assert both.without(plane, "TYX").on(other, "TYX").equals(there)
    assert both.without(plane, "TYX").on(plane, "TYX").is_empty
