from dataclasses import replace

import numpy as np

from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.object_register import ObjectRegister
from napari_segment_anything.session.objects import AcceptedObject, Verdict
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


def test_objects_are_found_by_plane_by_number_and_by_doubt():
    register = ObjectRegister()
    planes = [PlaneId(index=(("T", t),)) for t in range(3)]

    def add(object_id, t, iou, verdict):
        known = replace(
            accepted(object_id),
            plane=planes[t],
            predicted_iou=iou,
            stability_score=1.0,
            verdict=verdict,
        )
        register.change({known.key: (register.get(object_id, planes[t]), known)})
        return known

    add(2, 1, 0.5, Verdict.UNSEEN)
    add(1, 1, 0.9, Verdict.UNSEEN)
    add(2, 0, 0.7, Verdict.ACCEPTED)
    last = add(3, 2, 0.1, Verdict.UNSEEN)
    assert len(register) == 3
    assert [one.object_id for one in register.on(planes[1])] == [1, 2]
    assert [one.plane for one in register.slices_of(2)] == planes[:2]
    order = [(one.plane.position("T"), one.object_id) for one in register.in_order()]
    assert order == [(0, 2), (1, 1), (1, 2), (2, 3)]
    assert [one.object_id for one in register.doubtful(planes[1])] == [2, 1, 3]
    # One is confirmed, one forgotten.
    add(2, 1, 0.5, Verdict.ACCEPTED)
    register.change({last.key: (last, None)})
    assert 3 not in register
    assert [one.object_id for one in register.doubtful(None)] == [1]
    add(1, 1, 0.9, Verdict.EDITED)
    assert not register.has_doubtful
    assert register.doubtful(None) == []
