"""Asks what the sliders of an image mean, where the image does not say."""

from __future__ import annotations

from qtpy.QtCore import QTimer, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_segment_anything.widgets.plane import axes_choices

_WORDS = {"T": "Time", "Z": "Depth", "C": "Channel", "P": "Position"}


class AxesQuestion(QWidget):
    """One button per answer; hidden until something is asked.

    Other axes than those on the buttons can be typed into the form.
    """

    answered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._label)
        self.buttons: list[QPushButton] = []
        self.setVisible(False)
        # A child goes with the question; Qt gives it its place only after this event.
        self._placed = QTimer(self)
        self._placed.setSingleShot(True)
        self._placed.timeout.connect(self._scroll_here)

    def ask(self, name: str, n_dimensions: int) -> None:
        """Ask about an image of this name."""
        for button in self.buttons:
            button.deleteLater()
        self.buttons = []
        question = (
            f"What does the slider of “{name}” mean?"
            if n_dimensions == 3
            else f"What do the sliders of “{name}” mean, from the first?"
        )
        self._label.setText(question)
        for axes in axes_choices(n_dimensions):
            button = QPushButton(in_words(axes))
            button.clicked.connect(lambda _=False, axes=axes: self._answer(axes))
            self._column.addWidget(button)
            self.buttons.append(button)
        self.setVisible(True)
        self._placed.start(0)

    def dismiss(self) -> None:
        """Ask no more."""
        self.setVisible(False)

    def _scroll_here(self) -> None:
        """Bring the question into view where the dock is too low for all it holds."""
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self.isVisible():
            area.ensureWidgetVisible(self, 0, 0)

    def _answer(self, axes: str) -> None:
        self.dismiss()
        self.answered.emit(axes)


def in_words(axes: str) -> str:
    """Return the sliders of an image in words, such as ``Time, depth``."""
    words = [_WORDS[letter] for letter in axes if letter not in "YX"]
    return ", ".join(words).capitalize()
