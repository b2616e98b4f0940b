import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_segment_anything.session.extents import Extents
from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.planes import PlaneId


def slice_at(z):
    return PlaneId(("Y", "X"), (("Z", z),))


def painted(labels, label):
    index = np.nonzero(labels == label)
    after = np.full(len(index[0]), label)
    return PixelEdit(index, np.zeros(len(after), int), after)


def test_a_box_only_grows():
    extents = Extents()
    assert extents.box(1, slice_at(0)) is None
    extents.include(1, slice_at(0), (4, 4, 6, 9))
    extents.include(1, slice_at(0), (5, 2, 6, 3))
    assert extents.box(1, slice_at(0)) == (4, 2, 6, 9)
    assert extents.box(1, slice_at(1)) is None
    assert extents.box(2, slice_at(0)) is None


@pytest.mark.parametrize(
    ("plane", "expected"),
    [
        (slice_at(2), (7, 3, 8, 5)),
        (slice_at(3), None),
        (PlaneId(("Z", "Y"), (("X", 4),)), (1, 7, 3, 8)),
        (PlaneId(("Z", "Y"), (("X", 5),)), None),
        (PlaneId(("Z", "X"), (("Y", 7),)), (1, 3, 3, 5)),
    ],
)
def test_planes_of_other_orientation_count(plane, expected):
    extents = Extents()
    extents.include(1, PlaneId(("Z", "X"), (("Y", 7),)), (1, 3, 3, 5))
    assert extents.box(1, plane) == expected


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)
@given(
    pixels=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 5), st.integers(0, 6), st.integers(1, 3)
        ),
        min_size=1,
        max_size=12,
    ),
    shown=st.sampled_from([("Y", "X"), ("Z", "X"), ("Z", "Y")]),
    asked=st.sampled_from([("Y", "X"), ("Z", "X"), ("Z", "Y")]),
)
def test_no_painted_pixel_lies_beyond_the_box(pixels, shown, asked):
    labels = np.zeros((3, 6, 7), int)
    for z, y, x, label in pixels:
        labels[z, y, x] = label
    (other,) = set("ZYX") - set(shown)
    extents = Extents()
    for label in range(1, 4):
        if (labels == label).any():
            plane = PlaneId(shown, ((other, 0),))
            extents.include_edit(painted(labels, label), "ZYX", plane)
    (along,) = set("ZYX") - set(asked)
    axis = "ZYX".index(along)
    for position in range(labels.shape[axis]):
        plane = PlaneId(asked, ((along, position),))
        there = labels.take(position, axis=axis)
        for label in range(1, 4):
            box = extents.box(label, plane)
            if box is None:
                assert not (there == label).any()
            else:
                inside = there[box[0] : box[2], box[1] : box[3]]
                assert (inside == label).sum() == (there == label).sum()
