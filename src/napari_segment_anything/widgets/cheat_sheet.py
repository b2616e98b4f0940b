"""All keys on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout

from napari_segment_anything.widgets.keys import CHEAT_SHEET

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


class CheatSheet(QDialog):
    """A small window beside the viewer that lists what each key does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of Segment Anything")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        for row, entry in enumerate(CHEAT_SHEET):
            key = QLabel(entry.key)
            font = key.font()
            font.setBold(True)
            key.setFont(font)
            grid.addWidget(key, row, 0, Qt.AlignmentFlag.AlignTop)
            action = QLabel(entry.action)
            action.setWordWrap(True)
            grid.addWidget(action, row, 1)
        grid.setColumnStretch(1, 1)
        note = QLabel(
            "The keys work while the viewer or one of the SAM layers has the focus."
        )
        note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in buttons.buttons():
            # The icons of a desktop do not follow napari's theme.
            button.setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(grid)
        column.addWidget(note)
        column.addWidget(buttons)
        self.setMinimumWidth(420)
