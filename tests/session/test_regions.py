import numpy as np

from napari_segment_anything.session.regions import keep_prompted_regions


def picture(*rows):
    return np.array([[c == "#" for c in row] for row in rows])


MASK = picture(
    "##...#",
    "##....",
    "..#...",
    "....##",
)


def test_regions_with_a_point_stay():
    kept = keep_prompted_regions(MASK, np.array([[0.2, 0.4], [3, 5]]))
    assert np.array_equal(kept, picture("##....", "##....", "..#...", "....##"))


def test_without_a_point_inside_the_largest_stays():
    largest = picture("##....", "##....", "..#...", "......")
    for points in (np.zeros((0, 2)), np.array([[1.0, 4.0]]), np.array([[-3.0, 90.0]])):
        assert np.array_equal(keep_prompted_regions(MASK, points), largest)


def test_one_region_or_none_is_left_alone():
    one = picture("##", "#.")
    assert np.array_equal(keep_prompted_regions(one, np.array([[1.0, 1.0]])), one)
    empty = np.zeros((0, 0), bool)
    assert keep_prompted_regions(empty, np.zeros((0, 2))).shape == (0, 0)
