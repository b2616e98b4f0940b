import numpy as np

from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.objects import AcceptedObject
from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.planes import PlaneId


def accepted(object_id, corner=(0, 0), shape=(1, 1)):
    mask = np.ones(shape, bool)
    return AcceptedObject(object_id, PlaneId(), Drawing(), 0.9, "", corner, mask)


def test_an_id_is_never_handed_out_twice():
    register = ObjectRegister()
    register.reserve(4)
    assert register.next_id == 5
    known = accepted(5)
    register.change({known.key: (None, known)})
    register.change({known.key: (known, None)})
    assert 5 not in register
    assert register.next_id == 6
    register.reserve(2)
    assert register.next_id == 6


def test_it_knows_how_far_an_object_and_strokes_in_it_reach():
    register = ObjectRegister()
    known = accepted(3, (10, 20), (5, 6))
    register.change({known.key: (None, known)})
    assert register.extents.box(3, PlaneId()) == (10, 20, 15, 26)
    stroke = PixelEdit((np.array([2]), np.array([30])), np.zeros(1), np.array([3]))
    register.note_painted(stroke, "YX", PlaneId())
    assert register.extents.box(3, PlaneId()) == (2, 20, 15, 31)
    # Erasing with the smallest brush there is reserves nothing and reaches nowhere.
    nothing = PixelEdit((np.zeros(0, int),) * 2, np.zeros(0, int), np.zeros(0, int))
    register.note_painted(nothing, "YX", PlaneId())
    assert register.next_id == 4
