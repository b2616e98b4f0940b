"""Merging, splitting, deleting and confirming, on label images made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session import rework
from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.answers import AnswerSettings
from napari_segment_anything.session.carry import known_slices
from napari_segment_anything.session.commits import Canvas, carried
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.objects import AcceptedObject, Verdict
from napari_segment_anything.session.pixel_edit import PixelEdit
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


def test_merged_and_carried_objects_are_of_one_class_on_every_plane(table):
    (first,) = table.objects.slices_of(1)
    table.objects.change({first.key: (first, replace(first, class_id=4))})
    table.do(rework.merge(table.canvas, PLANES[0], [1, 2]))
    assert [known.class_id for known in table.objects.slices_of(1)] == [4, 4]
    (third,) = table.objects.slices_of(3)
    table.objects.change({third.key: (third, replace(third, class_id=7))})
    mask = MaskSet.from_masks((9, 12), [(6, 10, 8, 12)], [_ones(2, 2)])
    action = Action(ActionKind.CARRY, PLANES[1], ids=(3,), axis="Z")
    commit = carried([(table.canvas(PLANES[0]), mask)], action)
    table.do(commit)
    assert [known.class_id for known in table.objects.slices_of(3)] == [7, 7]
    assert commit.action.class_id == 7


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


class CountedLabels:
    """A label image that counts how many pixels are read of it."""

    def __init__(self, shape):
        self.shape = shape
        self.pixels = np.zeros(shape, np.int32)
        self.n_read = 0

    def __getitem__(self, part):
        found = self.pixels[part]
        self.n_read += found.size
        return found


@pytest.mark.parametrize("side", [512, 8192])
def test_the_cost_of_changing_objects_does_not_grow_with_the_layer(side):
    labels, objects = CountedLabels((side, side)), ObjectRegister()
    plane = PlaneId()
    canvas = Canvas(plane, "YX", labels.shape, labels.__getitem__, objects)

    def put(object_id, corner):
        y, x = corner
        labels.pixels[y : y + 20, x : x + 30] = object_id
        known = AcceptedObject(
            object_id, plane, Drawing(), 0.9, "", corner, np.ones((20, 30), bool)
        )
        objects.change({known.key: (None, known)})

    def do(commit):
        labels.pixels[commit.pixels.index] = commit.pixels.after
        objects.change(commit.objects)

    put(1, (100, 100))
    put(2, (100, 130))
    put(3, (300, 300))
    # A stroke by hand beside the object counts as part of it.
    labels.pixels[90, 100:105] = 1
    stroke = PixelEdit(
        (np.full(5, 90), np.arange(100, 105)), np.zeros(5, int), np.ones(5, int)
    )
    objects.note_painted(stroke, "YX", plane)
    do(rework.merge(lambda _: canvas, plane, [1, 2]))
    assert (labels.pixels == 1).sum() == 1205
    line = Outline(Kind.LINE, np.array([[80.0, 125], [130, 125]]))
    do(rework.split(canvas, 1, Drawing(outlines=(line,))))
    mask = MaskSet.from_masks(labels.shape, [(305, 305, 330, 320)], [_ones(25, 15)])
    do(
        canvas.accept(
            mask, points((310, 310)), AnswerSettings(), model_digest="", replaced=3
        )
    )
    (three,) = known_slices(lambda _: canvas, plane, 3, "Z").values()
    assert three.boxes.tolist() == [[305, 305, 330, 320]]
    assert (labels.pixels == 3).sum() == 375
    do(rework.delete(lambda _: canvas, plane, 1))
    assert not (labels.pixels[80:140, 80:200] == 1).any()
    assert labels.n_read < 20_000


def _ones(height, width):
    return np.ones((height, width), bool)


def test_what_was_erased_by_hand_can_be_merged(table):
    table.labels[table.labels == 3] = 0
    table.do(rework.merge(table.canvas, PLANES[1], [2, 3]))
    assert 3 not in table.objects
    assert (table.labels[1] == 2).sum() == 4
