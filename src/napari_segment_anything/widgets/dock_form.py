"""What the main dock looks like; it does nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.widgets.axes_question import AxesQuestion
from napari_segment_anything.widgets.image_combo import ImageCombo
from napari_segment_anything.widgets.job_row import JobRow
from napari_segment_anything.widgets.keys import (
    ACCEPT_KEY,
    BOX_KEY,
    CLEAR_KEY,
    DELETE_KEY,
    MERGE_KEY,
    NEXT_KEY,
    PREVIOUS_KEY,
    REDO_KEY,
    SPLIT_KEY,
    TURN_KEY,
    UNDO_KEY,
    with_key,
)
from napari_segment_anything.widgets.layout import (
    below,
    heading,
    scrolled_column,
    wide_form,
)
from napari_segment_anything.widgets.many_form import ManyForm
from napari_segment_anything.widgets.model_row import ModelRow
from napari_segment_anything.widgets.preferences import PreferencesForm
from napari_segment_anything.widgets.review_form import ReviewForm

if TYPE_CHECKING:
    from napari.components import ViewerModel


class DockForm(QWidget):
    """The form of the main dock.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose images are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.image = ImageCombo(viewer)
        self.axes = QComboBox()
        self.axes.setEditable(True)
        self.axes.setToolTip(
            "What each slider means, from the first: T time, Z depth, C channel, "
            "P position; Y and X are the plane. For example TYX or TZYX."
        )
        self.question = AxesQuestion()
        self.model = ModelRow()
        self.start = QPushButton("Start annotating")
        self.start.setToolTip(
            "Adds a Points layer and a Shapes layer to draw prompts in, and a Labels "
            "layer for the objects. Your own layers are not changed."
        )
        self.inside = _tool(
            with_key("Inside", TURN_KEY), "A click marks the object. Right click: not."
        )
        self.outside = _tool(
            with_key("Outside", TURN_KEY), "A click marks what is not the object."
        )
        self.box = _tool(with_key("Box", BOX_KEY), "Drag a box around each object.")
        self.tools = QButtonGroup(self)
        for button in (self.inside, self.outside, self.box):
            self.tools.addButton(button)
        self.accept = _action("Accept object", ACCEPT_KEY, "Keep the yellow outline.")
        self.clear = _action("Clear", CLEAR_KEY, "Remove the prompts of this plane.")
        self.delete = _action(
            "Delete", DELETE_KEY, "Delete the object that was opened by a click."
        )
        self.undo = _action(
            "Undo", UNDO_KEY, "Take the last step back: prompts, objects and strokes."
        )
        self.redo = _action("Redo", REDO_KEY, "Do again what was undone.")
        self.previous = _action(
            "Previous", PREVIOUS_KEY, "Open the previous finished object again."
        )
        self.next = _action("Next", NEXT_KEY, "Open the next finished object again.")
        self.merge = _action(
            "Merge", MERGE_KEY, "Join the open object with those that points lie on."
        )
        self.split = _action(
            "Split",
            SPLIT_KEY,
            "Cut the open object between inside points, or along a line or path.",
        )
        self.preferences = PreferencesForm()
        self.many = ManyForm(viewer)
        self.review = ReviewForm()
        self.everything_plane = QPushButton("Everything on this plane")
        self.everything_plane.setToolTip(
            "Finds all objects of the plane that is shown. Objects that are there "
            "already stay as they are."
        )
        self.everything_time = QPushButton("Everything through time")
        self.everything_time.setToolTip(
            "Finds all objects of each frame and follows them as tracks, in layers "
            "of their own."
        )
        self.job = JobRow()
        self.save_record = QPushButton("Save record …")
        self.save_record.setToolTip(
            "Writes the prompts, scores and weights behind each object as JSON, from "
            "which the same labels can be made again."
        )
        self.methods = QPushButton("Methods …")
        self.methods.setToolTip("Copies a sentence for the methods section of a paper.")
        self.classes = QPushButton("Class layer")
        self.classes.setToolTip(
            "Adds a layer in which each object has the number of its class."
        )
        self.keys = QPushButton("Keys …")
        self.keys.setToolTip("Lists what each key does.")
        self._lay_out()
        # napari would otherwise fill half of the dock with empty space.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def set_tools_enabled(self, are_enabled: bool) -> None:
        """Enable or disable what needs prompt layers."""
        for widget in (self.inside, self.outside, self.box):
            widget.setEnabled(are_enabled)

    def show_tool(self, polarity: Polarity, *, is_box: bool) -> None:
        """Show what the next click or drag means."""
        is_inside = polarity == Polarity.INSIDE
        chosen = self.box if is_box else self.inside if is_inside else self.outside
        chosen.setChecked(True)

    def _lay_out(self) -> None:
        column = scrolled_column(self)
        form = wide_form()
        form.addRow("Image", self.image)
        form.addRow("Axes", self.axes)
        form.addRow("Model", self.model)
        form.addRow(self.model.note)
        form.addRow(self.model.warning)
        column.addLayout(form)
        column.addWidget(heading("Prompts"))
        column.addWidget(self.question)
        column.addWidget(self.start)
        tools = QHBoxLayout()
        tools.setSpacing(4)
        for button in (self.inside, self.outside, self.box):
            tools.addWidget(button, 1)
        column.addLayout(tools)
        column.addWidget(self.accept)
        actions = QGridLayout()
        actions.setSpacing(4)
        pairs = (
            (self.clear, self.delete),
            (self.undo, self.redo),
            (self.previous, self.next),
            (self.merge, self.split),
        )
        for row, (left, right) in enumerate(pairs):
            actions.addWidget(left, row, 0)
            actions.addWidget(right, row, 1)
        for number in (0, 1):
            actions.setColumnStretch(number, 1)
        column.addLayout(actions)
        column.addWidget(self.preferences)
        column.addWidget(self.many)
        column.addWidget(heading("Everything"))
        column.addWidget(self.everything_plane)
        column.addWidget(self.review)
        column.addWidget(self.everything_time)
        last = QGridLayout()
        last.setSpacing(4)
        last.addWidget(self.save_record, 0, 0)
        last.addWidget(self.methods, 0, 1)
        last.addWidget(self.classes, 1, 0)
        last.addWidget(self.keys, 1, 1)
        for number in (0, 1):
            last.setColumnStretch(number, 1)
        column.addLayout(last)
        column.addStretch(1)
        below(self, self.job)


def _tool(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setCheckable(True)
    button.setToolTip(tooltip)
    return button


def _action(text: str, key: str, tooltip: str) -> QPushButton:
    button = QPushButton(with_key(text, key))
    button.setToolTip(f"{tooltip} Key: {key}")
    return button
