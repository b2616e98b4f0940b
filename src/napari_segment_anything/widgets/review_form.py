"""Sliders that decide what everything mode fills in, and the walk through doubts."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider, QLabeledRangeSlider

from napari_segment_anything.session.review import ReviewFilter
from napari_segment_anything.widgets.fold import Fold
from napari_segment_anything.widgets.keys import DOUBTFUL_KEY, with_key
from napari_segment_anything.widgets.layout import note, wide_form

_NOTHING_YET = "Run “Everything on this plane” first."


class ReviewForm(QWidget):
    """Looks after what everything mode found on the plane that is shown."""

    changed = Signal()
    """The user has moved a slider."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.min_iou = _slider("Least IoU with the true object that the model predicts")
        self.min_stability = _slider("How little an object must depend on a threshold")
        self.max_overlap = _slider("Part of an object that may lie on a better one")
        self.min_roundness = _slider("1 is a disk; 0 lets every shape pass")
        self.area = QLabeledRangeSlider(Qt.Orientation.Horizontal)
        self.area.setHandleLabelPosition(QLabeledRangeSlider.LabelPosition.NoLabel)
        self.area.setEdgeLabelMode(QLabeledRangeSlider.EdgeLabelMode.LabelIsValue)
        self.area.setToolTip("Smallest and largest area that passes")
        self.note = note(_NOTHING_YET)
        self.next = QPushButton(with_key("Next doubtful object", DOUBTFUL_KEY))
        self.next.setToolTip(
            "Opens the object the model is least sure of, among those that nobody has "
            f"looked at. Accept confirms it, Delete rejects it. Key: {DOUBTFUL_KEY}"
        )
        self._largest = 1
        self._lay_out()
        for slider in self._sliders:
            slider.valueChanged.connect(self.changed)
        self.show_filter(None, 1)

    @property
    def chosen(self) -> ReviewFilter:
        """What the sliders say."""
        low, high = (int(value) for value in self.area.value())
        return ReviewFilter(
            min_iou=round(self.min_iou.value(), 2),
            min_stability=round(self.min_stability.value(), 2),
            min_area=low,
            # At the end of its way the slider means that there is no limit.
            max_area=0 if high >= self._largest else high,
            max_overlap=round(self.max_overlap.value(), 2),
            min_roundness=round(self.min_roundness.value(), 2),
        )

    def show_filter(self, chosen: ReviewFilter | None, largest: int) -> None:
        """Show what passes now; None where nothing was found yet.

        Parameters
        ----------
        chosen : ReviewFilter or None
            What passes.
        largest : int
            Area of the largest candidate.
        """
        for slider in self._sliders:
            slider.setEnabled(chosen is not None)
        self.note.setVisible(chosen is None)
        if chosen is None or (chosen == self.chosen and largest == self._largest):
            return
        self._largest = max(largest, 1)
        self.blockSignals(True)
        self.min_iou.setValue(chosen.min_iou)
        self.min_stability.setValue(chosen.min_stability)
        self.max_overlap.setValue(chosen.max_overlap)
        self.min_roundness.setValue(chosen.min_roundness)
        self.area.setRange(0, self._largest)
        self.area.setValue((chosen.min_area, chosen.max_area or self._largest))
        self.blockSignals(False)

    @property
    def _sliders(self) -> tuple[Any, ...]:
        return (
            self.min_iou,
            self.min_stability,
            self.area,
            self.max_overlap,
            self.min_roundness,
        )

    def _lay_out(self) -> None:
        rows = wide_form()
        rows.addRow(self.note)
        # Two handles between two numbers need all the width there is.
        rows.addRow(QLabel("Area in pixels"))
        rows.addRow(self.area)
        rows.addRow("Predicted IoU ≥", self.min_iou)
        rows.addRow("Stability ≥", self.min_stability)
        rows.addRow("Overlap ≤", self.max_overlap)
        rows.addRow("Roundness ≥", self.min_roundness)
        self.fold = Fold("Filter what was found", rows)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.fold)
        column.addWidget(self.next)


def _slider(tooltip: str) -> QLabeledDoubleSlider:
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 1)
    slider.setSingleStep(0.01)  # type: ignore[arg-type]
    slider.setDecimals(2)
    slider.setToolTip(tooltip)
    return slider
