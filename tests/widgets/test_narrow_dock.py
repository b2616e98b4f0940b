"""The docks at the smallest width they are made for."""

import pytest
from qtpy.QtWidgets import QScrollArea

from napari_segment_anything.widgets.dock_form import DockForm

pytestmark = pytest.mark.gui
WIDTH = 320


def test_nothing_is_cut_off_at_320_pixels(qtbot, viewer_model):
    form = DockForm(viewer_model)
    qtbot.addWidget(form)
    form.many.fold.button.setChecked(True)
    form.review.fold.button.setChecked(True)
    form.preferences.fold.button.setChecked(True)
    # Lower than its content, so that there is a scroll bar too.
    form.resize(WIDTH, 500)
    form.show()
    qtbot.waitExposed(form)
    qtbot.wait(100)
    assert form.width() == WIDTH
    area = form.findChild(QScrollArea)
    assert area.widget().height() > area.viewport().height()
    needed = area.widget().minimumSizeHint().width()
    # Styles differ in their scroll bars; napari's takes 14 pixels.
    assert needed <= WIDTH - 14
