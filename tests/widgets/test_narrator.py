import numpy as np
import pytest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.session.answers import MaskSize, SizedResponse
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.requests import MaskRequest, MaskResponse
from napari_segment_anything.widgets.narrator import NO_OBJECT, Narrator

pytestmark = pytest.mark.gui

PLANE = PlaneId(index=(("T", 3),))


def response(masks):
    request = MaskRequest(1, None, PLANE, PlanePrompts())
    return MaskResponse(request, masks, "", 0.0, 0.0)


def masks(*scores, pixel=True):
    mask = np.array([[pixel]])
    boxes = [(i, 0, i + 1, 1) for i in range(len(scores))]
    return MaskSet.from_masks((9, 9), boxes, [mask] * len(boxes), predicted_iou=scores)


@pytest.fixture
def said(qtbot):
    return []


@pytest.fixture
def narrator(said):
    narrator = Narrator()
    narrator.said.connect(said.append)
    return narrator


def test_a_quick_answer_needs_no_words_about_waiting(narrator, said, qtbot):
    narrator.wait_for(PLANE)
    qtbot.wait(20)
    narrator.tell(response(None))
    qtbot.wait(350)
    assert said == []


def test_a_long_wait_is_explained_and_its_end_told(narrator, said, qtbot):
    narrator.wait_for(PLANE)
    qtbot.waitUntil(lambda: len(said) == 1, timeout=3000)
    assert "T 3" in said[0]
    narrator.tell(response(None))
    assert said[1].startswith("Ready")


def test_the_second_time_one_is_told_how_long_it_takes(narrator, said, qtbot):
    narrator.set_device("CPU")
    request = MaskRequest(1, None, PLANE, PlanePrompts())
    narrator.tell(MaskResponse(request, None, "", 8.0, 0.0))
    narrator.wait_for(PLANE)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=4000)
    assert said[0].startswith("Encoding T 3 on the CPU, about 8 s left")
    assert said[1].startswith("Encoding T 3 on the CPU, about 7 s left")
    narrator.stop()
    qtbot.wait(1200)
    assert len(said) == 2


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (masks(0.876), "Predicted IoU 0.88"),
        (masks(0.9, 0.8, 0.7, 0.6), "Predicted IoU 0.90, 0.80, 0.70 …"),
        (masks(0.9, pixel=False), NO_OBJECT),
    ],
)
def test_scores_are_told(narrator, said, found, words):
    narrator.tell(response(found))
    assert said == [words]


def test_an_answer_about_an_open_object_names_it(narrator, said):
    narrator.tell(response(masks(0.9)), open_id=7)
    assert said == ["Object 7 is open · Predicted IoU 0.90"]


def test_a_size_is_told_with_the_scores_of_all_three(narrator, said):
    request = MaskRequest(1, None, PLANE, PlanePrompts())
    narrator.tell(
        SizedResponse(request, masks(0.8), "", 0, 0, MaskSize.MEDIUM, (0.7, 0.8, 0.9))
    )
    assert said == [
        "Medium mask · predicted IoU: small 0.70, medium 0.80, large 0.90 · "
        "K: next size"
    ]
