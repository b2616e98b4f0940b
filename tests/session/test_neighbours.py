import numpy as np

from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.neighbours import (
    others_of_each,
    points_of_others,
)
from napari_segment_anything.session.objects import AcceptedObject, PlanePrompts
from napari_segment_anything.session.planes import PlaneId


def square(object_id, corner, side=9, clicks=()):
    points = np.array(clicks, float).reshape(-1, 2)
    return AcceptedObject(
        object_id,
        PlaneId(),
        Drawing(points, np.ones(len(points), bool)),
        0.9,
        "",
        corner,
        np.ones((side, side), bool),
    )


def click(*at):
    return PlanePrompts(np.array([at], float), np.array([True]))


def test_the_nearest_come_first_and_no_more_than_four():
    row = [square(i, (0, 20 * i)) for i in range(8)]
    points = points_of_others(row, click(4, 75))
    assert points.tolist() == [[4, 84], [4, 64], [4, 104], [4, 44]]


def test_a_click_of_a_person_is_taken_where_it_still_lies_in_the_object():
    inside, moved = (
        square(1, (0, 0), clicks=[(2, 3)]),
        square(2, (0, 20), clicks=[(50, 3)]),
    )
    points = points_of_others([inside, moved], click(30, 30))
    assert points.tolist() == [[4, 24], [2, 3]]


def test_what_is_clicked_on_is_no_other():
    assert len(points_of_others([square(1, (0, 0))], click(4, 4))) == 0
    assert len(points_of_others([], click(4, 4))) == 0
    nothing = PlanePrompts()
    assert len(points_of_others([square(1, (0, 0))], nothing)) == 0


def test_a_box_has_neighbours_too():
    box = PlanePrompts(boxes=np.array([[0.0, 30, 10, 40]]))
    assert len(points_of_others([square(1, (0, 0))], box)) == 1


def test_drawings_that_are_each_an_object_are_others_to_each_other():
    box = Outline(Kind.RECTANGLE, np.array([[0.0, 50], [0, 60], [10, 60], [10, 50]]))
    flag = np.array([True])
    drawings = [
        Drawing(np.array([[5.0, 5]]), flag),
        Drawing(outlines=(box,)),
        # The same place once more, and a place in the box: nobody can tell these apart.
        Drawing(np.array([[5.0, 5]]), flag),
        Drawing(np.array([[5.0, 52]]), flag),
    ]
    others = others_of_each([square(1, (0, 20))], drawings)
    assert others[0].tolist() == [[4, 24], [5, 52], [5, 55]]
    assert others[1].tolist() == [[4, 24], [5, 5], [5, 5]]
    assert others[3].tolist() == [[5, 55], [4, 24], [5, 5], [5, 5]]
    assert [len(points) for points in others_of_each([], drawings[:1])] == [0]
