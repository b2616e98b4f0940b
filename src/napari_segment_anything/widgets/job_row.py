"""Progress of a job, the button that cancels it, and one line of status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from napari_segment_anything.batch.progress import Progress

_MB = 1_000_000
# Qt breaks lines at spaces alone; what has none would be cut off.
_LONG_WORD = re.compile(r"\S{24}")
_BREAK = "\N{ZERO WIDTH SPACE}"


class JobRow(QWidget):
    """Progress bar, *Cancel*, and what happens or happened in a line of text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("What is done until now stays valid.")
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.status)
        # The rows above must not jump when a job starts or ends.
        for widget in (self.bar, self.cancel_button):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        self.set_running(False)

    @property
    def is_running(self) -> bool:
        """Whether a job is shown that can be cancelled."""
        return not self.cancel_button.isHidden()

    def set_running(self, is_running: bool) -> None:
        """Show or hide the bar and *Cancel*."""
        self.bar.setRange(0, 0)
        self.bar.setVisible(is_running)
        self.cancel_button.setVisible(is_running)
        self.cancel_button.setEnabled(is_running)

    def say(self, text: str) -> None:
        """Show a sentence."""
        self.status.setText(breakable(text))

    def show_progress(self, progress: Progress) -> None:
        """Show how far a job is."""
        # Qt counts in 32 bits, which a download of 2.5 GB exceeds.
        unit = _MB if progress.stage == "download" else 1
        self.bar.setRange(0, progress.total // unit)
        self.bar.setValue(progress.done // unit)
        self.say(progress.message or describe(progress))


def breakable(text: str) -> str:
    """Return a text whose long words, such as names of files, can go on a new line."""
    return _LONG_WORD.sub(lambda part: part[0] + _BREAK, text)


def describe(progress: Progress) -> str:
    """Return one line about a step of a job."""
    if progress.stage == "download":
        total = f" of {progress.total / _MB:,.0f}" if progress.total else ""
        return f"Downloading: {progress.done / _MB:,.0f}{total} MB"
    stage = progress.stage.capitalize()
    if progress.total == 0:
        return f"{stage} …"
    return f"{stage}: {progress.done} of {progress.total}"
