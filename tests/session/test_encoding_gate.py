import threading
import time

from napari_segment_anything.session.encoding_gate import EncodingGate
from napari_segment_anything.session.planes import PlaneId

SOURCE = object()
PLANE, OTHER = PlaneId(index=(("T", 0),)), PlaneId(index=(("T", 1),))


def test_a_click_waits_for_the_job_that_encodes_its_plane_only():
    gate = EncodingGate()
    answered = []

    def click(plane):
        with gate.answering(SOURCE, plane):
            answered.append(plane)

    with gate.encoding(SOURCE, PLANE):
        assert gate.encoded == (SOURCE, PLANE)
        waits = threading.Thread(target=click, args=(PLANE,))
        goes = threading.Thread(target=click, args=(OTHER,))
        waits.start()
        goes.start()
        goes.join(5)
        time.sleep(0.05)
        assert answered == [OTHER]
    waits.join(5)
    assert answered == [OTHER, PLANE]
    assert gate.encoded is None


def test_a_job_waits_while_a_click_is_answered():
    gate = EncodingGate()
    with gate.answering(SOURCE, PLANE):
        assert gate.is_answering
        assert not gate.wait_for_clicks(0.01)
    assert gate.wait_for_clicks(0.01)
