"""What the dock *Time* looks like above its review list; it does nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_segment_anything.tracking.words import (
    AS_ESTIMATED,
    CHANGES,
    MOVES,
    MotionWords,
)
from napari_segment_anything.widgets.fold import Fold
from napari_segment_anything.widgets.image_form import ImageForm, button, side_by_side
from napari_segment_anything.widgets.layout import heading, note, wide_form
from napari_segment_anything.widgets.time_review import TimeReview
from napari_segment_anything.widgets.time_words import worded

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.batch.track_projection import Projection

_NO_LABELS = "nothing, find all"
_SEARCHES = (
    ("and find what they lack", "everything"),
    ("and follow only these objects", "followed"),
    ("and carry them by prompts alone", "nothing"),
)
_DIRECTIONS = (
    ("both ways", (True, True)),
    ("forwards", (True, False)),
    ("backwards", (False, True)),
)
_DEPTHS = (
    ("each slice for itself", None),
    ("brightest of all slices", "max"),
    ("mean of all slices", "mean"),
)
_AT_MOST = " frames at most"
_DIVIDES = ((AS_ESTIMATED, None), ("yes", True), ("no", False))


class TimeForm(ImageForm):
    """The form of the *Time* dock.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose layers are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self._viewer = viewer
        self.model = note()
        self.along = _combo()
        self.slices = _combo(_DEPTHS)
        self.slices.setToolTip(
            "A projection becomes an image layer of its own; its objects are followed."
        )
        self.first, self.last = QSpinBox(), QSpinBox()
        self.direction = _combo(_DIRECTIONS)
        self.direction.setToolTip(
            "In which direction tracks are carried on where they break."
        )
        self.labels = _combo()
        self.search = _combo(_SEARCHES)
        self.are_tracks = QCheckBox("Their ids are tracks already")
        self.are_tracks.setToolTip(
            "The same id in two frames is the same object. It keeps its id."
        )
        self.is_locked = QCheckBox("Never change their masks")
        self.is_locked.setChecked(True)
        self.locked_frames = QLineEdit()
        self.locked_frames.setPlaceholderText("none; such as 0, 10-19")
        self.locked_frames.setToolTip("Frames in which nothing is added or changed.")
        self.moves = _combo((word, word) for word in (AS_ESTIMATED, *MOVES))
        self.changes = _combo((word, word) for word in (AS_ESTIMATED, *CHANGES))
        self.divides = _combo(_DIVIDES)
        self.hidden = QSpinBox()
        self.hidden.setRange(0, 20)
        self.hidden.setValue(2)
        self.hidden.setSuffix(_AT_MOST)
        self.estimate = note()
        self.preview = button(
            "Try three frames",
            "Find and link the objects of this frame and its neighbours.",
        )
        self.track = button(
            "Track everything",
            "What an interrupted run has found is found again, and not searched anew.",
        )
        self.review = TimeReview()
        self._rows = wide_form()
        self._has_slices = False
        self._lay_out()
        layers = viewer.layers.events
        for box in (self.first, self.last):
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for event in (layers.inserted, layers.removed):
            event.connect(self._list_labels)
        self._list_labels()
        self.labels.currentIndexChanged.connect(self._show_start)

    @property
    def start_layer(self) -> Labels | None:
        """The layer to start from."""
        layer: Labels | None = self.labels.currentData()
        return layer

    @property
    def words(self) -> MotionWords:
        """How objects move, as the person says."""
        return MotionWords(
            moves=str(self.moves.currentData()),
            changes=str(self.changes.currentData()),
            divides=self.divides.currentData(),
            hidden_frames=self.hidden.value(),
        )

    def set_axes(self, letters: str, lengths: dict[str, int]) -> None:
        """Offer the axes that objects can be followed along."""
        before = self.along.currentData()
        self.along.blockSignals(True)
        self.along.clear()
        for letter in sorted(letters, key="TZP".find):
            word = {"T": "time", "Z": "depth"}.get(letter, letter)
            self.along.addItem(f"{letter} ({word})", letter)
        row = max(self.along.findData(before), 0)
        self.along.setCurrentIndex(row)
        self.along.blockSignals(False)
        self.set_along(lengths)

    def set_along(self, lengths: dict[str, int]) -> None:
        """Offer what goes with the chosen axis; lengths are those of the image."""
        along = str(self.along.currentData())
        self.set_length(lengths.get(along, 1))
        for named, text in self._texts.items():
            named.setText(worded(text, along))
        self.hidden.setSuffix(worded(_AT_MOST, along))
        self._has_slices = along != "Z" and lengths.get("Z", 1) > 1
        # Rows of a form are hidden as a whole only from Qt 6.4 on.
        for part in (self.slices, self._rows.labelForField(self.slices)):
            part.setVisible(self._has_slices)

    @property
    def projection(self) -> Projection | None:
        """How slices become one image; None for each slice for itself."""
        chosen: Projection | None = self.slices.currentData()
        return chosen if self._has_slices else None

    def set_length(self, n_frames: int) -> None:
        """Offer all frames of an axis."""
        for box, value in ((self.first, 0), (self.last, n_frames - 1)):
            box.setRange(0, max(n_frames - 1, 0))
            box.setValue(value)

    @property
    def frames(self) -> range:
        """Frames that are wanted."""
        return range(self.first.value(), self.last.value() + 1)

    @frames.setter
    def frames(self, frames: range) -> None:
        self.first.setValue(frames.start)
        self.last.setValue(frames.stop - 1)

    def close_connections(self) -> None:
        """Stop following the viewer."""
        super().close_connections()
        layers = self._viewer.layers.events
        for event in (layers.inserted, layers.removed):
            event.disconnect(self._list_labels)

    def _list_labels(self) -> None:
        before = self.start_layer
        self.labels.blockSignals(True)
        self.labels.clear()
        self.labels.addItem(_NO_LABELS, None)
        for layer in reversed(self._viewer.layers):
            if isinstance(layer, Labels):
                self.labels.addItem(layer.name, layer)
                if layer is before:
                    self.labels.setCurrentIndex(self.labels.count() - 1)
        self.labels.blockSignals(False)
        self._show_start()

    def _show_start(self) -> None:
        self._start.setVisible(self.start_layer is not None)

    def _lay_out(self) -> None:
        column = self.begin(("Model", self.model))
        column.addWidget(heading("What"))
        form = self._rows
        form.addRow("Follow along", self.along)
        form.addRow("Slices", self.slices)
        form.addRow("First frame", self.first)
        form.addRow("Last frame", self.last)
        form.addRow("Start from", self.labels)
        column.addLayout(form)
        self._start = QWidget()
        start = wide_form()
        start.addRow("", self.search)
        start.addRow("", self.are_tracks)
        start.addRow("", self.is_locked)
        self._start.setLayout(start)
        column.addWidget(self._start)
        settings = wide_form()
        settings.addRow("Objects move", self.moves)
        settings.addRow("They change", self.changes)
        settings.addRow("They divide", self.divides)
        settings.addRow("Are hidden for", self.hidden)
        settings.addRow("Carry on", self.direction)
        settings.addRow("Locked frames", self.locked_frames)
        labels = (
            *(form.labelForField(box) for box in (self.first, self.last)),
            settings.labelForField(self.locked_frames),
        )
        self._texts: dict[QLabel | QPushButton, str] = {
            one: one.text()
            for one in (*labels, self.preview)
            if isinstance(one, QLabel | QPushButton)
        }
        column.addWidget(Fold("How they move, what is locked", settings))
        column.addWidget(self.estimate)
        self.estimate.setVisible(False)
        column.addLayout(side_by_side(self.preview, self.track))
        column.addWidget(self.review)
        column.addStretch(1)


def _combo(rows: object = ()) -> QComboBox:
    combo = QComboBox()
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(6)
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    for text, data in rows:  # type: ignore[attr-defined]
        combo.addItem(text, data)
    return combo
