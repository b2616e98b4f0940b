import pytest

pytest.importorskip("qtpy")

from qtpy.QtWidgets import QLabel, QWidget

from napari_segment_anything.widgets.axes_question import AxesQuestion
from napari_segment_anything.widgets.layout import scrolled_column

pytestmark = pytest.mark.gui


def test_in_a_dock_that_is_too_low_the_question_comes_into_view(qtbot):
    dock, question = QWidget(), AxesQuestion()
    qtbot.addWidget(dock)
    column = scrolled_column(dock)
    column.addWidget(question)
    far = QLabel("far below")
    far.setMinimumHeight(900)
    column.addWidget(far)
    dock.resize(320, 200)
    dock.show()
    (scroll,) = dock.findChildren(type(dock.layout().itemAt(0).widget()))
    bar = scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 500)
    bar.setValue(bar.maximum())
    question.ask("movie", 3)

    def is_seen():
        top = question.mapTo(scroll.viewport(), question.rect().topLeft()).y()
        return top >= 0 and top + question.height() <= scroll.viewport().height()

    qtbot.waitUntil(is_seen, timeout=2000)
    assert question.isVisible()
