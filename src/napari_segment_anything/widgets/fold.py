"""A part of a form that is folded away until it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QToolButton, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from qtpy.QtWidgets import QLayout


class Fold(QWidget):
    """A title with an arrow; a click shows or hides what is below.

    Parameters
    ----------
    title : str
        Always seen.
    content : QLayout
        Seen when unfolded.
    """

    def __init__(self, title: str, content: QLayout) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        # Text, not an icon: it has the colour of the theme.
        self.button.setStyleSheet("QToolButton {border: none; background: none;}")
        self._title = title
        self._content = QWidget()
        content.setContentsMargins(16, 0, 0, 0)
        self._content.setLayout(content)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button)
        column.addWidget(self._content)
        self.button.toggled.connect(self._show)
        self._show(False)

    def _show(self, is_open: bool) -> None:
        self.button.setText(f"{'▾' if is_open else '▸'} {self._title}")
        self._content.setVisible(is_open)
