"""The docks at the smallest width they are made for."""

import pytest
from qtpy.QtWidgets import QPushButton, QScrollArea

from napari_segment_anything.session.jobs import ModelChoice
from napari_segment_anything.tracking.review import Doubt
from napari_segment_anything.widgets.dock_form import DockForm
from napari_segment_anything.widgets.embeddings_form import EmbeddingsForm
from napari_segment_anything.widgets.fold import Fold
from napari_segment_anything.widgets.layout import MIN_DOCK_WIDTH
from napari_segment_anything.widgets.time_form import TimeForm

pytestmark = pytest.mark.gui
WIDTH = 320
# Styles differ in their scroll bars and in what surrounds the text of a button.
SCROLL_BAR = 14
PADDING = 16


@pytest.mark.parametrize("form_class", [DockForm, EmbeddingsForm, TimeForm])
def test_nothing_is_cut_off_at_320_pixels(qtbot, viewer_model, form_class):
    form = form_class(viewer_model)
    qtbot.addWidget(form)
    for fold in form.findChildren(Fold):
        fold.button.setChecked(True)
    if isinstance(form, TimeForm):
        form.review.set_ready(True, True, True)
    # Lower than its content, so that there is a scroll bar too.
    form.resize(WIDTH, 200)
    form.show()
    qtbot.waitExposed(form)
    qtbot.wait(100)
    assert form.width() == WIDTH
    area = form.findChild(QScrollArea)
    assert area.widget().height() > area.viewport().height()
    assert area.widget().minimumSizeHint().width() <= WIDTH - SCROLL_BAR
    for button in form.findChildren(QPushButton):
        if button.isVisible():
            words = button.fontMetrics().horizontalAdvance(button.text())
            # What the style itself asks for is enough, even where it is narrower.
            needed = min(words + PADDING, button.sizeHint().width())
            assert needed <= button.width(), button.text()
    form.close_connections()


def test_a_list_of_doubts_is_not_cut_off_at_320_pixels(qtbot, viewer_model):
    form = TimeForm(viewer_model)
    qtbot.addWidget(form)
    reasons = (
        "appears inside the movie",
        "changes its area suddenly",
        "was filled from neighbours",
    )
    form.review.show_doubts([Doubt(121, 110, reason, 0.59) for reason in reasons] * 9)
    form.review.set_ready(True, True, True)
    form.resize(WIDTH, 200)
    form.show()
    qtbot.waitExposed(form)
    qtbot.wait(100)
    rows = form.review.list
    assert rows.verticalScrollBar().isVisible()
    assert rows.sizeHintForColumn(0) <= rows.viewport().width()
    assert rows.item(0).text().startswith("59%")
    assert "Frame 121: track 110 appears" in rows.item(0).toolTip()
    form.close_connections()


@pytest.mark.parametrize("n_bytes", [None, 40_728_226, 375_042_383, 2_564_550_879])
def test_a_model_to_download_does_not_widen_the_dock(qtbot, viewer_model, n_bytes):
    form = DockForm(viewer_model)
    qtbot.addWidget(form)
    name = "vit_b_em_organelles"
    form.model.set_choices([ModelChoice(name, "cells", "CC-BY-4.0", False, n_bytes)])
    form.model.set_loaded("nano", "CPU")
    form.model.choose(name)
    form.resize(WIDTH, 200)
    form.show()
    qtbot.waitExposed(form)
    assert form.model.button.text().startswith(("Get", "Download"))
    area = form.findChild(QScrollArea)
    # Themes of napari put more space around texts than the style of this test.
    narrow = MIN_DOCK_WIDTH - SCROLL_BAR - 2 * PADDING
    assert area.widget().minimumSizeHint().width() <= narrow
    button = form.model.button
    words = button.fontMetrics().horizontalAdvance(button.text())
    assert min(words + PADDING, button.sizeHint().width()) <= button.width()
    assert "nano answers until" in form.model.note.text()
    form.close_connections()
