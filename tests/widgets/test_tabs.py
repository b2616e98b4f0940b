"""Docks of the package share a place."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow

from napari_segment_anything.widgets.embeddings_dock import EmbeddingsDock
from napari_segment_anything.widgets.segment_dock import SegmentDock

pytestmark = pytest.mark.gui
RIGHT, LEFT = (
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.LeftDockWidgetArea,
)


@pytest.fixture
def window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.show()
    return window


def docked(window, widget, area=RIGHT):
    place = QDockWidget(window)
    place.setWidget(widget)
    window.addDockWidget(area, place)
    place.show()
    return place


def test_a_dock_is_a_tab_of_another_one_and_stays_where_the_user_puts_it(
    window, docks, viewer_model, qtbot
):
    foreign = docked(window, QLabel("foreign"))
    first = docked(window, docks(SegmentDock, viewer_model))
    second = docked(window, docks(EmbeddingsDock, viewer_model))
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(second) == [first])
    assert window.tabifiedDockWidgets(foreign) == []
    window.removeDockWidget(second)
    window.addDockWidget(RIGHT, second, Qt.Orientation.Vertical)
    second.show()
    qtbot.wait(50)
    assert window.tabifiedDockWidgets(second) == []


def test_docks_in_other_places_stay_there(window, docks, viewer_model, qtbot):
    docked(window, docks(SegmentDock, viewer_model), LEFT)
    floating = docked(window, docks(SegmentDock, viewer_model))
    floating.setFloating(True)
    third = docked(window, docks(EmbeddingsDock, viewer_model))
    qtbot.wait(50)
    assert window.tabifiedDockWidgets(third) == []
