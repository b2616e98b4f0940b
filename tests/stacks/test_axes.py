import numpy as np
import pytest

from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.stacks.axes import (
    axes_from_names,
    infer_axes,
    name_unnamed_axis,
    parse_axes,
)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("yx", (4, 5)),
        ("TZYX", (2, 3, 4, 5)),
        ("YXT", (4, 5, 2)),
        ("TYXS", (2, 4, 5, 3)),
    ],
)
def test_axes_that_fit_are_returned_in_capitals(axes, shape):
    assert parse_axes(axes, shape) == axes.upper()


@pytest.mark.parametrize(
    ("axes", "shape", "cause"),
    [
        ("TYX", (4, 5), "3 dimensions, but the image has 2"),
        ("TWX", (2, 4, 5), "'W'"),
        ("TTYX", (2, 2, 4, 5), "T twice"),
        ("TZX", (2, 3, 5), "lack Y"),
        ("SYX", (3, 4, 5), "last"),
        ("YXS", (4, 5, 7), "length 7"),
    ],
)
def test_axes_that_do_not_fit_say_why(axes, shape, cause):
    with pytest.raises(InvalidAxesError, match=cause):
        parse_axes(axes, shape)


def test_two_dimensions_need_no_hint():
    assert infer_axes((4, 5), np.uint16) == "YX"


def test_five_dimensions_follow_ome():
    assert infer_axes((2, 3, 4, 5, 6), np.uint16) == "TCZYX"


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((12, 64, 64), np.uint16), ((64, 64, 3), np.uint8), ((2, 3, 4, 5), np.float32)],
)
def test_ambiguous_shapes_are_asked_for(shape, dtype):
    with pytest.raises(InvalidAxesError, match="--axes"):
        infer_axes(shape, dtype)


def test_a_length_of_three_is_not_taken_for_rgb():
    assert infer_axes((64, 64, 3), np.uint8, hint="YXT") == "YXT"


def test_one_dimension_is_no_image():
    with pytest.raises(InvalidAxesError, match="two dimensions"):
        infer_axes((5,), np.uint8)


def test_an_unnamed_axis_is_named_only_on_request():
    assert name_unnamed_axis("QYX", (3, 4, 5), "Z") == "ZYX"
    with pytest.raises(InvalidAxesError, match="--axes"):
        name_unnamed_axis("QYX", (3, 4, 5), None)


@pytest.mark.parametrize(
    ("axes", "shape", "named"),
    [
        ("QYXS", (4, 256, 256, 3), "TYXS for a time-lapse in RGB or ZYXS"),
        ("QQYXS", (2, 4, 256, 256, 3), "TZYXS"),
        ("QQYX", (2, 4, 256, 256), "TZYX for volumes through time or TCYX"),
    ],
)
def test_the_axes_that_are_named_fit_the_file(axes, shape, named):
    with pytest.raises(InvalidAxesError, match=f"--axes.*: {named}"):
        name_unnamed_axis(axes, shape, None)


@pytest.mark.parametrize(
    ("names", "axes"),
    [
        (("t", "y", "x"), "TYX"),
        (("time", "channel", "y", "x"), "TCYX"),
        (("a", "y", "x"), None),
        ((None, None), None),
        (("y", "y"), None),
        (None, None),
    ],
)
def test_dimension_names_become_letters(names, axes):
    assert axes_from_names(names) == axes
