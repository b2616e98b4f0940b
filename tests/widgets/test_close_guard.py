"""Closing a window over objects of which no record was saved."""

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from napari_segment_anything.session.actions import Action, ActionKind
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.history import Step
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.session.session import Session
from napari_segment_anything.widgets.close_guard import CloseGuard

pytestmark = pytest.mark.gui
BUTTONS = QMessageBox.StandardButton


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    window.setCentralWidget(QWidget())
    qtbot.addWidget(window, before_close_func=lambda w: w.guard.removed())
    return window


@pytest.fixture
def guarded(window):
    unsaved, saved = {"cells": "their annotator"}, []

    def save(annotator, parent, then):
        assert (annotator, parent) == ("their annotator", window)
        saved.append(then)

    guard = CloseGuard(lambda: unsaved, save)
    guard.watch(window.centralWidget())

    def removed():
        unsaved.clear()

    guard.removed = removed
    window.guard = guard
    return guard, unsaved, saved


def close_as_a_user_does(window, qtbot):
    """From inside of the event loop, as a menu or a key does."""
    QTimer.singleShot(0, window.close)
    qtbot.wait(50)


@pytest.mark.parametrize(
    ("answer", "stays", "n_saves"),
    [(BUTTONS.Cancel, True, 0), (BUTTONS.Discard, False, 0), (BUTTONS.Save, True, 1)],
)
def test_the_answer_decides(window, guarded, qtbot, answer, stays, n_saves):
    guard, unsaved, saved = guarded
    asked = []
    guard.ask = lambda _, names: asked.append(list(names)) or answer
    window.show()
    close_as_a_user_does(window, qtbot)
    assert asked == [["cells"]]
    assert window.isVisible() == stays
    assert len(saved) == n_saves
    if saved:
        # The window closes by itself once the record is written.
        unsaved.clear()
        saved[0]()
        assert not window.isVisible()


def test_nobody_is_asked_where_all_is_saved_or_a_script_closes(window, guarded, qtbot):
    guard, unsaved, _ = guarded
    guard.ask = pytest.fail
    window.show()
    window.close()
    assert not window.isVisible()
    window.show()
    unsaved.clear()
    close_as_a_user_does(window, qtbot)
    assert not window.isVisible()


def test_a_session_is_saved_until_something_is_done_or_undone():
    session = Session(PlaneSource(np.zeros((9, 9), np.uint8), "YX"))
    assert not session.is_unsaved
    action = Action(ActionKind.DELETE, PlaneId(), ids=(1,))
    session.do(Step("step", PlaneId(), (Drawing(), Drawing()), action=action))
    assert session.is_unsaved
    session.note_saved(session.record((9, 9)))
    assert not session.is_unsaved
    session.undo()
    assert session.is_unsaved
    session.redo()
    assert not session.is_unsaved
