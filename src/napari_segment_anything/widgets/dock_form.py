"""What the main dock looks like; it does nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QPushButton,
)

from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.widgets.image_form import ImageForm, button, side_by_side
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
from napari_segment_anything.widgets.layout import heading
from napari_segment_anything.widgets.many_form import ManyForm
from napari_segment_anything.widgets.model_row import ModelRow
from napari_segment_anything.widgets.preferences import PreferencesForm
from napari_segment_anything.widgets.review_form import ReviewForm

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.widgets.annotator import Annotator


class DockForm(ImageForm):
    """The form of the main dock.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer whose images are offered.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self.axes = QComboBox()
        self.axes.setEditable(True)
        self.axes.setToolTip(
            "What each slider means, from the first: T time, Z depth, C channel, "
            "P position; Y and X are the plane. For example TYX or TZYX."
        )
        self.model = ModelRow()
        self.start = button(
            "Start annotating",
            "Adds a Points layer and a Shapes layer to draw prompts in, and a Labels "
            "layer for the objects. Your own layers are not changed.",
        )
        self.bring_back = button("Bring image back", "")
        self.bring_back.setVisible(False)
        self.inside = _tool(
            "Inside", TURN_KEY, "A click marks the object. Right click: not."
        )
        self.outside = _tool(
            "Outside", TURN_KEY, "A click marks what is not the object."
        )
        self.box = _tool("Box", BOX_KEY, "Drag a box around each object.")
        self.tools = QButtonGroup(self)
        for tool in (self.inside, self.outside, self.box):
            self.tools.addButton(tool)
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
        self.everything_plane = button(
            "Everything on this plane",
            "Finds all objects of the plane that is shown. Objects that are there "
            "already stay as they are.",
        )
        self.everything_time = button(
            "Everything through time",
            "Finds all objects of each frame and follows them as tracks, in layers "
            "of their own.",
        )
        self.save_record = button(
            "Save record …",
            "Writes the prompts, scores and weights behind each object as JSON, from "
            "which the same labels can be made again.",
        )
        self.methods = button(
            "Methods …", "Copies a sentence for the methods section of a paper."
        )
        self.classes = button(
            "Class layer",
            "Adds a layer in which each object has the number of its class.",
        )
        self.keys = button("Keys …", "Lists what each key does.")
        self._lay_out()

    def set_tools_enabled(self, are_enabled: bool) -> None:
        """Enable or disable what needs prompt layers."""
        for widget in (self.inside, self.outside, self.box):
            widget.setEnabled(are_enabled)

    def offer_layers(self, annotator: Annotator | None, lost: Image | None) -> None:
        """Offer layers to draw in, or back, and an image that was removed too soon."""
        layers = None if annotator is None else annotator.layers
        is_image = self.image.layer is not None
        was_removed = layers is not None and layers.have_been_removed
        self.start.setText("Bring layers back" if was_removed else "Start annotating")
        self.start.setEnabled(is_image and (layers is None or not layers.are_complete))
        self.bring_back.setVisible(lost is not None)
        if lost is not None:
            self.bring_back.setToolTip(
                f"“{lost.name}” was removed, and no record of its objects was saved."
            )

    def show_tool(self, polarity: Polarity, *, is_box: bool) -> None:
        """Show what the next click or drag means."""
        is_inside = polarity == Polarity.INSIDE
        chosen = self.box if is_box else self.inside if is_inside else self.outside
        chosen.setChecked(True)

    def _lay_out(self) -> None:
        column = self.begin(
            ("Axes", self.axes),
            ("Model", self.model),
            self.model.note,
            self.model.warning,
        )
        column.addWidget(heading("Prompts"))
        column.addWidget(self.bring_back)
        column.addWidget(self.start)
        column.addLayout(side_by_side(self.inside, self.outside, self.box))
        column.addWidget(self.accept)
        for pair in (
            (self.clear, self.delete),
            (self.undo, self.redo),
            (self.previous, self.next),
            (self.merge, self.split),
        ):
            column.addLayout(side_by_side(*pair))
        column.addWidget(self.preferences)
        column.addWidget(self.many)
        column.addWidget(heading("Everything"))
        column.addWidget(self.everything_plane)
        column.addWidget(self.review)
        column.addWidget(self.everything_time)
        column.addWidget(heading("Record"))
        column.addLayout(side_by_side(self.save_record, self.methods))
        column.addLayout(side_by_side(self.classes, self.keys))
        column.addStretch(1)


def _tool(text: str, key: str, tooltip: str) -> QPushButton:
    made = _action(text, key, tooltip)
    made.setCheckable(True)
    return made


def _action(text: str, key: str, tooltip: str) -> QPushButton:
    return button(with_key(text, key), f"{tooltip} Key: {key}")
