"""Small parts that the forms of the docks have in common."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

MIN_DOCK_WIDTH = 300


def heading(text: str) -> QLabel:
    """Return the title of a group of widgets."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    label.setContentsMargins(0, 8, 0, 0)
    return label


def note(text: str = "") -> QLabel:
    """Return a label that wraps its text and never widens the dock."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def scrolled_column(dock: QWidget) -> QVBoxLayout:
    """Return the column of a dock that scrolls when the dock is too low for it."""
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(8, 8, 8, 8)
    column.setSpacing(6)
    scroll = QScrollArea()
    scroll.setWidget(content)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    # A scroll area would let the dock become narrower than what it holds.
    dock.setMinimumWidth(MIN_DOCK_WIDTH)
    outer = QVBoxLayout(dock)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(scroll)
    return column


def below(dock: QWidget, widget: QWidget) -> None:
    """Put a widget under the column of a dock, where it is always seen."""
    outer = dock.layout()
    if outer is not None:
        widget.setContentsMargins(8, 0, 8, 8)
        outer.addWidget(widget)


def wide_form() -> QFormLayout:
    """Return a form whose fields take all the width there is."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form
