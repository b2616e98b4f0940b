import numpy as np

from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.neighbours import points_of_others
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
