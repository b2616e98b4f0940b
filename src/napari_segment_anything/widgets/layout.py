"""Small parts that the forms of the docks have in common."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QSizePolicy

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
