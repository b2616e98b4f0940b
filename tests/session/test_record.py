import json
from dataclasses import replace

import numpy as np
import pytest

from napari_segment_anything.errors import StorageError
from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.answers import AnswerSettings, MaskSize
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.record import Record
from napari_segment_anything.session.review import ReviewFilter

PLANE = PlaneId(("Y", "X"), (("T", 3), ("Z", 1)))
ACCEPT = Action(
    ActionKind.ACCEPT,
    PLANE,
    ids=(4, 5),
    predicted_iou=(0.9, 0.8),
    model_digest="d" * 64,
    drawing=Drawing(
        np.array([[1.5, 2.25]]),
        np.array([False]),
        (Outline(Kind.ELLIPSE, np.array([[0.0, 0], [0, 4], [4, 4], [4, 0]])),),
    ),
    settings=AnswerSettings(MaskSize.LARGE, MaskOptions(False, True, 2)),
    may_overwrite=True,
    replaced=4,
)
RECORD = Record(
    "cells",
    "TZYX",
    (5, 2, 30, 40),
    (
        Action(
            ActionKind.EVERYTHING,
            PLANE,
            ids=(1, 2, 3),
            predicted_iou=(0.9, float("nan"), 0.7),
            model_digest="d" * 64,
            filters=(None, ReviewFilter(min_iou=0.4)),
            removed=(2,),
        ),
        Action(ActionKind.JUDGE, PLANE, ids=(1,)),
        ACCEPT,
        Action(ActionKind.PAINT, PLANE, runs=((7, 2, 4),)),
        Action(ActionKind.DELETE, PLANE, ids=(3,)),
        Action(ActionKind.MERGE, PLANE, ids=(4, 5)),
        Action(ActionKind.SPLIT, PLANE, ids=(4, 6), drawing=ACCEPT.drawing),
        Action(
            ActionKind.CARRY,
            PLANE,
            ids=(4,),
            model_digest="d" * 64,
            axis="T",
            span=(1, 4),
        ),
        Action(
            ActionKind.PROMPTS,
            PLANE,
            ids=(7,),
            model_digest="d" * 64,
            drawings=(ACCEPT.drawing,),
            others_of_each=(((1.5, 2.0), (3.0, 4.0)),),
        ),
    ),
)


def test_what_is_saved_is_loaded(tmp_path):
    RECORD.save(tmp_path / "r.json")
    again = Record.load(tmp_path / "r.json")
    assert (again.image, again.axes, again.shape) == ("cells", "TZYX", (5, 2, 30, 40))
    assert [action.to_json() for action in again.actions] == [
        action.to_json() for action in RECORD.actions
    ]
    accept = again.actions[2]
    assert accept.drawing.equals(ACCEPT.drawing)
    assert accept.settings == ACCEPT.settings
    assert (accept.ids, accept.replaced, accept.plane) == ((4, 5), 4, PLANE)
    # Strict JSON: no NaN, which other readers refuse.
    json.loads((tmp_path / "r.json").read_text(), parse_constant=pytest.fail)


def test_the_methods_section_gets_a_sentence():
    sentence = RECORD.describe()
    assert "3 objects of cells from prompts and 2 in everything mode" in sentence
    assert "dddddddddddd" in sentence
    assert "1 was confirmed, 0 edited and 1 rejected" in sentence
    assert "1 stroke painted, 1 object deleted, 1 time merged" in sentence
    assert "1 object carried" in sentence


def test_everything_an_action_holds_is_written():
    for action in RECORD.actions:
        again = Action.from_json(action.to_json())
        for name in (
            "filters",
            "removed",
            "span",
            "axis",
            "settings",
            "class_id",
            "others_of_each",
        ):
            assert getattr(again, name) == getattr(action, name)


@pytest.mark.parametrize("text", ["", "[]", '{"format": "other", "version": 1}'])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(StorageError, match="Save record"):
        Record.load(path)


def test_a_missing_file_and_folder_are_told(tmp_path):
    with pytest.raises(StorageError):
        Record.load(tmp_path / "missing.json")
    with pytest.raises(StorageError):
        RECORD.save(tmp_path / "missing" / "r.json")


def test_what_the_model_saw_is_kept_and_older_records_saw_square_pixels(tmp_path):
    path = tmp_path / "cells.json"
    replace(RECORD, pixel_sizes=(1.0, 2.0, 0.5, 0.5)).save(path)
    assert Record.load(path).pixel_sizes == (1.0, 2.0, 0.5, 0.5)
    content = json.loads(path.read_text("utf-8"))
    del content["pixel_sizes"]
    path.write_text(json.dumps(content), "utf-8")
    assert Record.load(path).pixel_sizes == ()
