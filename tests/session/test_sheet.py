import numpy as np

from napari_segment_anything.session.commits import Canvas
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.sheet import Sheet


def canvas_of(labels, read):
    return Canvas(PlaneId(), "YX", labels.shape, read, ObjectRegister())


def test_what_is_written_is_read_again_and_makes_the_edit():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (600, 700)).astype(np.int32)
    sheet = Sheet(canvas_of(labels, lambda part: labels[part]))
    expected = labels.copy()
    for _ in range(12):
        y, x = (int(v) for v in rng.integers(0, (560, 660)))
        part = slice(y, y + int(rng.integers(1, 400))), slice(x, x + 40)
        part = slice(part[0].start, min(part[0].stop, 600)), part[1]
        new = rng.integers(0, 9, expected[part].shape)
        np.testing.assert_array_equal(sheet.read(part), expected[part])
        sheet.write(part, new)
        expected[part] = new
    edit = sheet.edit()
    np.testing.assert_array_equal(labels[edit.index], edit.before)
    assert (edit.before != edit.after).all()
    labels[edit.index] = edit.after
    np.testing.assert_array_equal(labels, expected)


def test_only_tiles_that_are_looked_at_are_read_and_each_once():
    labels, parts = np.zeros((5000, 5000), np.int32), []

    def read(part):
        parts.append(part)
        return labels[part]

    sheet = Sheet(canvas_of(labels, read))
    for _ in range(3):
        sheet.read((slice(10, 20), slice(250, 260)))
    assert len(parts) == 2
    assert len(sheet.edit()) == 0
    assert len(parts) == 2
