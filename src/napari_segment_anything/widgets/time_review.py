"""The review list and the buttons that correct tracks; nothing happens here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QListWidget,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_segment_anything.widgets.image_form import button, side_by_side
from napari_segment_anything.widgets.keys import (
    ACCEPT_KEY,
    BOX_KEY,
    CLEAR_KEY,
    DELETE_KEY,
    MERGE_KEY,
    NEXT_KEY,
    OTHER_WAY_KEY,
    PREVIOUS_KEY,
    SIZE_KEY,
    SPLIT_KEY,
    UNDO_KEY,
    with_key,
)
from napari_segment_anything.widgets.layout import heading, note, wide_form
from napari_segment_anything.widgets.time_words import worded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_segment_anything.tracking.review import Doubt

# The same keys as for single objects, where they do to tracks what is alike.
CORRECTION_KEYS = {"cut": SPLIT_KEY, "join": MERGE_KEY, "remove": DELETE_KEY}

_ACTIONS = (
    ("cut", "Cut", "The track ends before this frame; the rest gets a new id."),
    ("join", "Join …", "Then click the track that goes on with this one."),
    ("divide", "Divide …", "Then click a daughter; once more for the other one."),
    ("apart", "Set apart", "This track has no parent."),
    ("swap", "Swap …", "Then click the track it is confused with from here on."),
    ("remove", "Remove", "The object is not in this frame."),
    ("remove_all", "Remove track", "The object is nowhere."),
    ("lock", "Lock / unlock", "A locked object is changed by no computation."),
)


class TimeReview(QWidget):
    """A list of doubts, *next* and *accept*, and one button for each correction."""

    def __init__(self) -> None:
        super().__init__()
        self.doubts: tuple[Doubt, ...] = ()
        self.along, self.other_axes = "T", ""
        self.which = QComboBox()
        self.which.setToolTip(
            "Tracks to review: these, or those whose labels or paths are the active "
            "layer. Nothing is lost of the others."
        )
        self.which.setMinimumContentsLength(6)
        self.which.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.summary = note()
        self.list = QListWidget()
        self.list.setMinimumHeight(110)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.detail = note()
        self.next = button(
            with_key("Next doubt", NEXT_KEY),
            f"Shows the next doubtful place. Key: {NEXT_KEY}; back: {PREVIOUS_KEY}",
        )
        self.accept = button(
            with_key("It is right", ACCEPT_KEY),
            f"Takes the place from the list and locks the object. Key: {ACCEPT_KEY}",
        )
        self.other = button(
            with_key("Other reading", SIZE_KEY),
            "White is how it is read, orange how it could be: this makes it so. "
            f"Key: {SIZE_KEY}",
        )
        self.selected = note("Click an object to correct its track.")
        self.buttons: dict[str, QPushButton] = {}
        for name, text, tip in _ACTIONS:
            key = CORRECTION_KEYS.get(name)
            self.buttons[name] = button(
                with_key(text, key) if key else text,
                f"{tip} Key: {key}" if key else tip,
            )
        self.prompt = button(
            with_key("Prompt it", BOX_KEY),
            "Clicks and boxes on this frame outline the object anew. Accepted, it "
            "takes its place in the chosen track, or the one it fits; what depends on "
            f"it is computed again. Key: {BOX_KEY}",
        )
        self.take = button(
            with_key("Accept outline", ACCEPT_KEY),
            f"Put the outlined object into its track. Key: {ACCEPT_KEY}",
        )
        self.give_up = button(
            with_key("Give up", CLEAR_KEY),
            f"Remove the clicks and boxes; nothing is changed. Key: {CLEAR_KEY}",
        )
        self.recompute = button(
            with_key("Recompute around it", OTHER_WAY_KEY),
            "The object is taken for right and locked; what depends on it is computed "
            f"again in the frames around this one. Key: {OTHER_WAY_KEY}",
        )
        self.undo = button(
            with_key("Undo", UNDO_KEY),
            f"Take the last correction back. Key: {UNDO_KEY}",
        )
        self.save = button(
            "Save …",
            "A folder of the Cell Tracking Challenge, GEFF, labels as OME-Zarr, a "
            "table, or a picture of the lineages; of all slices that were followed.",
        )
        self.load = button(
            "Load tracks …",
            "Tracks that exist: a folder of the Cell Tracking Challenge, or one with a "
            "folder for each slice; an OME-Zarr that was saved here; or a GEFF for the "
            "labels under “Start from”.",
        )
        self._lay_out()
        self._tips = {one: one.toolTip() for one in self.findChildren(QPushButton)}

    def name_axes(self, along: str, other_axes: str) -> None:
        """Take over which axis is followed, and which others number its movies."""
        self.along, self.other_axes = along, other_axes
        for one, tip in self._tips.items():
            one.setToolTip(worded(tip, along))

    def show_tracks(self, names: Sequence[str], at: int) -> None:
        """List all tracks that are reviewed, where there are several.

        Parameters
        ----------
        names : sequence of str
            Of their labels.
        at : int
            Number of those that the list is about; -1 for none.
        """
        if names != [self.which.itemText(n) for n in range(self.which.count())]:
            self.which.clear()
            self.which.addItems(names)
        self.which.setCurrentIndex(at)
        self._tracks.setVisible(len(names) > 1)

    def show_doubts(self, doubts: Sequence[Doubt]) -> None:
        """List doubts, the worst first."""
        self.doubts = tuple(doubts)
        self.list.blockSignals(True)
        self.list.clear()
        for doubt in self.doubts:
            # First what tells the rows apart: the end of a long one may not be seen.
            place = self.place_of(doubt)
            row = f"{doubt.score:.0%}  {place}: {doubt.track} {doubt.reason}"
            tip = (
                f"Frame {place}: track {doubt.track} {doubt.reason}. How doubtful: "
                f"{doubt.score:.0%}."
            )
            self.list.addItem(worded(row, self.along))
            self.list.item(self.list.count() - 1).setToolTip(worded(tip, self.along))
        self.list.setCurrentRow(-1)
        self.list.blockSignals(False)
        n = len(self.doubts)
        summary = f"{n} doubtful place{'s' if n != 1 else ''} · frame: track"
        self.summary.setText(worded(summary, self.along) if n else "No doubtful places")
        self.next.setEnabled(n > 0)
        self.accept.setEnabled(False)
        self.other.setEnabled(False)
        self.detail.setText("")

    def place_of(self, doubt: Doubt) -> str:
        """Frame, and where its movie lies on the other axes: ``3`` or ``3, Z 1``."""
        pairs = zip(self.other_axes, doubt.position, strict=False)
        return ", ".join([str(doubt.frame), *(f"{axis} {n}" for axis, n in pairs)])

    def show_detail(self, doubt: Doubt, other: str = "") -> None:
        """Show both readings of a doubt, and what taking the other one does."""
        words = f"Track {doubt.track} {doubt.reason}. {doubt.otherwise}"
        if other:
            words += f" {SIZE_KEY}: {other}."
        self.detail.setText(worded(words, self.along))
        self.accept.setEnabled(True)
        self.other.setEnabled(bool(other))

    def show_prompting(self, *, can_begin: bool, is_open: bool, can_take: bool) -> None:
        """Show whether prompts are drawn, and whether they have outlined anything."""
        self.prompt.setEnabled(can_begin and not is_open)
        self._prompting.setVisible(is_open)
        self.take.setEnabled(can_take)

    def set_ready(self, has_tracks: bool, has_selection: bool, can_undo: bool) -> None:
        """Enable what can be done now."""
        self._below.setVisible(has_tracks or bool(self.doubts))
        for one in (*self.buttons.values(), self.recompute):
            one.setEnabled(has_tracks and has_selection)
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
        column.addLayout(side_by_side(self.next, self.accept))
        column.addWidget(self.other)
        column.addWidget(heading("Correct"))
        column.addWidget(self.selected)
        corrections = list(self.buttons.values())
        for left, right in zip(corrections[::2], corrections[1::2], strict=True):
            column.addLayout(side_by_side(left, right))
        column.addWidget(self.prompt)
        self._prompting = QWidget()
        self._prompting.setLayout(side_by_side(self.take, self.give_up))
        column.addWidget(self._prompting)
        column.addWidget(self.recompute)
        column.addLayout(side_by_side(self.undo, self.save))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._tracks = QWidget()
        tracks = wide_form()
        tracks.addRow("Tracks", self.which)
        self._tracks.setLayout(tracks)
        self._tracks.setVisible(False)
        outer.addWidget(heading("Review"))
        outer.addWidget(self._tracks)
        outer.addWidget(self._below)
        outer.addWidget(self.load)
