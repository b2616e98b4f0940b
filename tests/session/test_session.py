import subprocess
import sys

import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.history import Step
from napari_segment_anything.session.objects import AcceptedObject, PlanePrompts
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.session.requests import MaskResponse
from napari_segment_anything.session.session import Session

FIRST = PlaneId(index=(("T", 0),))
SECOND = PlaneId(index=(("T", 1),))


@pytest.fixture
def session():
    return Session(PlaneSource(np.zeros((2, 20, 20), np.uint8), "TYX"))


def click(y=5.0, x=5.0):
    return PlanePrompts(np.array([[y, x]]), np.array([True]))


def masks_of(request):
    mask = np.ones((3, 3), bool)
    masks = MaskSet.from_masks((20, 20), [(2, 2, 5, 5)], [mask], predicted_iou=[0.9])
    return MaskResponse(request, masks, "digest", 0.0, 0.0)


def test_a_stale_answer_is_dropped(session):
    old = session.ask(FIRST, click())
    new = session.ask(FIRST, click(6))
    assert not session.receive(masks_of(old))
    assert session.response is None
    assert session.receive(masks_of(new))
    assert session.can_accept


def test_a_late_answer_after_dropping_is_not_shown(session):
    request = session.ask(FIRST, click())
    session.drop()
    assert not session.receive(masks_of(request))


def test_an_answer_of_another_image_is_dropped(session):
    request = session.ask(FIRST, click())
    other = Session(PlaneSource(np.zeros((2, 20, 20), np.uint8), "TYX"))
    other.ask(FIRST, click())
    assert not other.receive(masks_of(request))


def test_the_mask_stays_until_its_successor_on_the_same_plane_only(session):
    shown = []
    session.response_changed.connect(lambda: shown.append(session.response))
    session.receive(masks_of(session.ask(FIRST, click())))
    session.ask(FIRST, click(7))
    assert session.response is not None
    assert not session.is_current(FIRST, click(7))
    session.ask(SECOND, click(7))
    assert session.response is None
    assert len(shown) == 2


def accepting(object_id):
    known = AcceptedObject(
        object_id, FIRST, Drawing(), 0.8, "digest", (0, 0), np.ones((1, 1), bool)
    )
    return Step(
        f"object {object_id}",
        FIRST,
        (Drawing(), Drawing()),
        objects={known.key: (None, known)},
        action=Action(ActionKind.ACCEPT, FIRST, ids=(object_id,)),
    )


def recorded(session):
    return [action.ids for action in session.record((2, 20, 20)).actions]


def test_objects_and_record_follow_undo_and_redo(session):
    session.do(accepting(3))
    session.do(accepting(4))
    assert session.objects.get(4, FIRST).predicted_iou == 0.8
    assert session.objects.next_id == 5
    session.undo()
    assert 4 not in session.objects
    assert recorded(session) == [(3,)]
    session.redo()
    assert 4 in session.objects
    assert recorded(session) == [(3,), (4,)]
    session.undo()
    session.undo()
    assert session.undo() is None
    assert recorded(session) == []
    assert not session.has_actions


def test_an_object_is_open_on_its_plane_only(session):
    opening = Step(
        "opening", FIRST, (Drawing(), Drawing()), reopened={FIRST: (None, 3)}
    )
    session.do(opening)
    assert session.reopened_on(FIRST) == 3
    assert session.reopened_on(SECOND) is None
    session.undo()
    assert session.reopened_on(FIRST) is None


def test_two_sessions_share_nothing(session):
    other = Session(session.source)
    other.objects.reserve(7)
    other.receive(masks_of(other.ask(FIRST, click())))
    assert session.objects.next_id == 1
    assert session.response is None


def test_a_session_starts_without_torch_and_qt():
    code = (
        "import sys, numpy\n"
        "from napari_segment_anything.session.planes import PlaneSource\n"
        "from napari_segment_anything.session.session import Session\n"
        "from napari_segment_anything.session import jobs, requests\n"
        "Session(PlaneSource(numpy.zeros((4, 4)), 'YX'))\n"
        "loaded = {'torch', 'zarr', 'napari', 'qtpy'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(loaded)) or 0)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert process.stderr.strip() == ""
    assert process.returncode == 0
