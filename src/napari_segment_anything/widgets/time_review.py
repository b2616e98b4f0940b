"""The review list and the buttons that correct tracks; nothing happens here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_segment_anything.widgets.layout import heading, note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_segment_anything.tracking.review import Doubt

NEXT_KEY = "J"
PREVIOUS_KEY = "Shift+J"
ACCEPT_KEY = "N"
OTHER_KEY = "H"
RECOMPUTE_KEY = "K"
UNDO_KEY = "U"

_ACTIONS = (
    ("cut", "Cut here", "The track ends before this frame; the rest gets a new id."),
    ("join", "Join with …", "Then click the track that goes on with this one."),
    ("divide", "Divide into …", "Then click a daughter; once more for the other one."),
    ("apart", "Set apart", "This track has no parent."),
    ("swap", "Swap with …", "Then click the track it is confused with from here on."),
    ("remove", "Remove here", "The object is not in this frame."),
    ("remove_all", "Remove track", "The object is nowhere."),
    ("lock", "Lock / unlock", "A locked object is changed by no computation."),
)


class TimeReview(QWidget):
    """A list of doubts, *next* and *accept*, and one button for each correction."""

    def __init__(self) -> None:
        super().__init__()
        self.doubts: tuple[Doubt, ...] = ()
        self.summary = note()
        self.list = QListWidget()
        self.list.setMinimumHeight(110)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.detail = note()
        self.next = QPushButton(f"Next doubt ({NEXT_KEY})")
        self.accept = QPushButton(f"It is right ({ACCEPT_KEY})")
        self.other = QPushButton(f"Other reading ({OTHER_KEY})")
        self.other.setToolTip(
            "White is how it is read, orange how it could be: this makes it so."
        )
        self.selected = note("Click an object to correct its track.")
        self.buttons: dict[str, QPushButton] = {}
        for name, text, tip in _ACTIONS:
            self.buttons[name] = QPushButton(text)
            self.buttons[name].setToolTip(tip)
        self.recompute = QPushButton(f"Recompute around it ({RECOMPUTE_KEY})")
        self.recompute.setToolTip(
            "The object is taken for right and locked; what depends on it is computed "
            "again in the frames around this one."
        )
        self.undo = QPushButton(f"Undo ({UNDO_KEY})")
        self.save = QPushButton("Save …")
        self.save.setToolTip(
            "A folder of the Cell Tracking Challenge, GEFF, a table, or a picture of "
            "the lineages."
        )
        self.load = QPushButton("Load tracks …")
        self.load.setToolTip(
            "Tracks that exist: a folder of the Cell Tracking Challenge, or a GEFF for "
            "the labels under “Start from”."
        )
        self._lay_out()

    def show_doubts(self, doubts: Sequence[Doubt]) -> None:
        """List doubts, the worst first."""
        self.doubts = tuple(doubts)
        self.list.blockSignals(True)
        self.list.clear()
        for doubt in self.doubts:
            self.list.addItem(
                f"{doubt.frame}: track {doubt.track} {doubt.reason} ({doubt.score:.0%})"
            )
        self.list.setCurrentRow(-1)
        self.list.blockSignals(False)
        n = len(self.doubts)
        self.summary.setText(
            f"{n} doubtful place{'s' if n != 1 else ''}" if n else "No doubtful places"
        )
        self.next.setEnabled(n > 0)
        self.accept.setEnabled(False)
        self.other.setEnabled(False)
        self.detail.setText("")

    def show_detail(self, doubt: Doubt, other: str = "") -> None:
        """Show both readings of a doubt, and what taking the other one does."""
        words = f"Track {doubt.track} {doubt.reason}. {doubt.otherwise}"
        if other:
            words += f" {OTHER_KEY}: {other}."
        self.detail.setText(words)
        self.accept.setEnabled(True)
        self.other.setEnabled(bool(other))

    def set_ready(self, has_tracks: bool, has_selection: bool, can_undo: bool) -> None:
        """Enable what can be done now."""
        self._below.setVisible(has_tracks or bool(self.doubts))
        for button in (*self.buttons.values(), self.recompute):
            button.setEnabled(has_tracks and has_selection)
        self.undo.setEnabled(can_undo)
        self.save.setEnabled(has_tracks)
        self.next.setEnabled(has_tracks and bool(self.doubts))

    def _lay_out(self) -> None:
        self._below = QWidget()
        column = QVBoxLayout(self._below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.summary)
        column.addWidget(self.list)
        column.addWidget(self.detail)
        column.addLayout(_row(self.next, self.accept))
        column.addLayout(_row(self.other))
        column.addWidget(heading("Correct"))
        column.addWidget(self.selected)
        grid = QGridLayout()
        grid.setSpacing(4)
        for n, button in enumerate(self.buttons.values()):
            grid.addWidget(_narrow(button), n // 2, n % 2)
        column.addLayout(grid)
        column.addWidget(self.recompute)
        column.addLayout(_row(self.undo, self.save))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(heading("Review"))
        outer.addWidget(self._below)
        outer.addWidget(self.load)


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for button in buttons:
        row.addWidget(_narrow(button))
    return row


def _narrow(button: QPushButton) -> QPushButton:
    """Let a button be as narrow as its column, so that the dock never widens."""
    button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return button
