"""Merging, splitting, deleting and confirming, on label images made by hand."""

import numpy as np
import pytest

from napari_segment_anything.session import rework
from napari_segment_anything.session.commits import Canvas
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.objects import (
    AcceptedObject,
    ObjectRegister,
    Verdict,
)
from napari_segment_anything.session.planes import PlaneId

PLANES = [PlaneId(index=(("Z", z),)) for z in range(2)]


class Table:
    """Labels and the objects in them."""

    def __init__(self, labels):
        self.labels = np.array(labels, np.int32)
        self.objects = ObjectRegister()
        for z, plane in enumerate(PLANES):
            for object_id in np.unique(self.labels[z])[1:]:
                known = AcceptedObject(
                    int(object_id),
                    plane,
                    Drawing(),
                    0.9,
                    "",
                    (0, 0),
                    self.labels[z] == object_id,
                    verdict=Verdict.UNSEEN,
                )
                self.objects.change({known.key: (None, known)})

    def canvas(self, plane):
        z = plane.position("Z")
        shape = self.labels.shape[1:]
        return Canvas(
            plane, "ZYX", shape, lambda part: self.labels[z][part], self.objects
        )

    def do(self, commit):
        self.labels[commit.pixels.index] = commit.pixels.after
        self.objects.change(commit.objects)


@pytest.fixture
def table():
    labels = np.zeros((2, 9, 12), np.int32)
    labels[0, 1:8, 1:5] = 1
    labels[0, 1:8, 5:9] = 2
    labels[1, 2:4, 2:4] = 2
    labels[1, 6:8, 6:8] = 3
    return Table(labels)


def points(*at):
    return Drawing(np.array(at, float), np.ones(len(at), bool))


def test_a_deleted_object_is_gone_on_all_of_its_planes(table):
    table.do(rework.delete(table.canvas, PLANES[0], 2))
    assert np.unique(table.labels).tolist() == [0, 1, 3]
    assert table.objects.slices_of(2) == []


def test_merged_objects_have_the_first_number_on_every_plane(table):
    table.do(rework.merge(table.canvas, PLANES[0], [1, 2]))
    assert np.unique(table.labels[0]).tolist() == [0, 1]
    assert (table.labels[0] == 1).sum() == 56
    assert (table.labels[1] == 1).sum() == 4
    assert [known.plane for known in table.objects.slices_of(1)] == PLANES
    assert 2 not in table.objects
    assert table.objects.get(1, PLANES[0]).mask.shape == (7, 8)


def test_a_line_cuts_an_object_and_the_larger_part_keeps_the_number(table):
    line = Outline(Kind.LINE, np.array([[0.0, 2], [8, 2]]))
    before = (table.labels[0] == 1).copy()
    commit = rework.split(table.canvas(PLANES[0]), 1, Drawing(outlines=(line,)))
    table.do(commit)
    assert commit.action.ids == (1, 4)
    np.testing.assert_array_equal(np.isin(table.labels[0], (1, 4)), before)
    assert (table.labels[0][1:8, 1] == 4).all()
    assert (table.labels[0][1:8, 3:5] == 1).all()
    # Other objects are not touched.
    assert (table.labels[0] == 2).sum() == 28


def test_points_part_an_object_at_its_neck():
    labels = np.zeros((2, 21, 42), np.int32)
    y, x = np.indices(labels.shape[1:])
    for centre in (11, 29):
        labels[0][(y - 10) ** 2 + (x - centre) ** 2 <= 100] = 7
    table = Table(labels)
    table.do(rework.split(table.canvas(PLANES[0]), 7, points((10, 9), (10, 32))))
    left, right = table.labels[0][10, 9], table.labels[0][10, 32]
    assert {int(left), int(right)} == {7, 8}
    columns = [
        np.flatnonzero((table.labels[0] == n).any(axis=0)) for n in (left, right)
    ]
    assert abs(columns[0].max() - 20) <= 1
    assert abs(columns[1].min() - 20) <= 1


def test_one_point_does_not_split(table):
    assert rework.split(table.canvas(PLANES[0]), 1, points((3, 2))) is None


def test_confirming_changes_no_pixel(table):
    commit = rework.confirm(table.canvas(PLANES[0]), 1)
    assert len(commit.pixels) == 0
    table.do(commit)
    assert table.objects.get(1, PLANES[0]).verdict == Verdict.ACCEPTED
    doubtful = [known.object_id for known in table.objects.doubtful(PLANES[0])]
    assert doubtful == [2, 2, 3]
