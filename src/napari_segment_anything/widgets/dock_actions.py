"""What the buttons and keys of the main dock do to the image that is annotated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QApplication

from napari_segment_anything.session.objects import Polarity
from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.annotator import Annotator
from napari_segment_anything.widgets.cheat_sheet import CheatSheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_segment_anything.widgets.dock_form import DockForm
    from napari_segment_anything.widgets.record_writer import RecordWriter
    from napari_segment_anything.widgets.reviewer import Reviewer


class DockActions(QObject):
    """Acts on the annotator of the chosen image, if there is one.

    Parameters
    ----------
    viewer : ViewerModel
        Whose active layer tells which tool is in use.
    form : DockForm
        Buttons, and the state that they show.
    reviewer : Reviewer
        Knows whether sliders have asked for something that is to be undone, too.
    records : RecordWriter
        Saves records.
    """

    said = Signal(str)

    def __init__(
        self,
        viewer: ViewerModel,
        form: DockForm,
        reviewer: Reviewer,
        records: RecordWriter,
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._form = form
        self._annotator: Annotator | None = None
        self._cheat_sheet: CheatSheet | None = None
        choices = form.preferences
        self.by_key: dict[str, Callable[[], None]] = {
            keys.ACCEPT_KEY: self._calling(Annotator.accept),
            keys.CLEAR_KEY: self._calling(Annotator.clear),
            keys.DELETE_KEY: self._calling(lambda one: one.reviser.delete()),
            keys.UNDO_KEY: reviewer.undo,
            keys.REDO_KEY: self._calling(Annotator.redo),
            keys.NEXT_KEY: self._calling(lambda one: one.reviser.walk(1)),
            keys.PREVIOUS_KEY: self._calling(lambda one: one.reviser.walk(-1)),
            keys.MERGE_KEY: self._calling(lambda one: one.reviser.merge()),
            keys.SPLIT_KEY: self._calling(lambda one: one.reviser.split()),
            keys.DOUBTFUL_KEY: self._calling(lambda one: one.reviser.walk_doubtful()),
            keys.OTHER_WAY_KEY: self._calling(
                partial(Annotator.accept, is_other_way=True)
            ),
            keys.TURN_KEY: self._turn,
            keys.BOX_KEY: self._turn_boxes,
            keys.SIZE_KEY: choices.choose_next_size,
            keys.HOVER_KEY: choices.hover.toggle,
            keys.TURBO_KEY: choices.turbo.toggle,
        }
        buttons = {
            form.accept: keys.ACCEPT_KEY,
            form.clear: keys.CLEAR_KEY,
            form.delete: keys.DELETE_KEY,
            form.undo: keys.UNDO_KEY,
            form.redo: keys.REDO_KEY,
            form.next: keys.NEXT_KEY,
            form.previous: keys.PREVIOUS_KEY,
            form.merge: keys.MERGE_KEY,
            form.split: keys.SPLIT_KEY,
        }
        for button, key in buttons.items():
            button.clicked.connect(self.by_key[key])
        form.inside.clicked.connect(partial(self._draw_points, Polarity.INSIDE))
        form.outside.clicked.connect(partial(self._draw_points, Polarity.OUTSIDE))
        form.box.clicked.connect(self._draw_boxes)
        form.save_record.clicked.connect(
            self._calling(lambda one: records.save(one, form))
        )
        form.methods.clicked.connect(self._copy_methods)
        form.many.volume.toggled.connect(self._set_volume)
        form.keys.clicked.connect(self._show_keys)

    def refresh(self, annotator: Annotator | None) -> None:
        """Act on this annotator from now on, and show what can be done."""
        self._annotator = annotator
        form = self._form
        can = annotator is not None and annotator.layers.are_shown
        form.set_tools_enabled(can)
        session = annotator.session if annotator is not None else None
        form.accept.setEnabled(
            can and annotator is not None and annotator.acceptance.can_accept
        )
        form.clear.setEnabled(
            can and annotator is not None and annotator.layers.have_prompts
        )
        form.undo.setEnabled(session is not None and session.can_undo)
        form.redo.setEnabled(session is not None and session.can_redo)
        has_objects = session is not None and len(session.objects) > 0
        form.next.setEnabled(can and has_objects)
        form.previous.setEnabled(can and has_objects)
        can_change = can and annotator is not None and annotator.reviser.can_delete
        form.delete.setEnabled(can_change)
        form.merge.setEnabled(can_change)
        form.split.setEnabled(can_change)
        for button in (form.save_record, form.methods, form.classes):
            button.setEnabled(session is not None and session.has_actions)
        self._set_volume(form.many.volume.isChecked())
        if annotator is not None:
            active = self._viewer.layers.selection.active
            prompts = annotator.layers.prompts
            form.show_tool(prompts.polarity, is_box=active == prompts.boxes)

    def _calling(self, action: Callable[[Annotator], None]) -> Callable[[], None]:
        def act() -> None:
            if self._annotator is not None:
                action(self._annotator)

        return act

    def _turn(self) -> None:
        if self._annotator is not None:
            self._draw_points(self._annotator.layers.prompts.polarity.other)

    def _turn_boxes(self) -> None:
        if self._annotator is not None:
            prompts = self._annotator.layers.prompts
            if self._viewer.layers.selection.active == prompts.boxes:
                self._draw_points(prompts.polarity)
            else:
                self._draw_boxes()

    def _draw_points(self, polarity: Polarity, _is_checked: bool = True) -> None:
        if self._annotator is not None and self._annotator.layers.are_shown:
            self._annotator.layers.prompts.polarity = polarity
            self._annotator.layers.draw_points()
        self.refresh(self._annotator)

    def _draw_boxes(self) -> None:
        if self._annotator is not None and self._annotator.layers.are_shown:
            self._annotator.layers.draw_boxes()
        self.refresh(self._annotator)

    def _copy_methods(self) -> None:
        if self._annotator is not None:
            shape = self._annotator.layers.results.shape
            sentence = self._annotator.session.record(shape).describe()
            QApplication.clipboard().setText(sentence)
            self.said.emit(f"Copied: {sentence}")

    def _set_volume(self, is_volume: bool) -> None:
        if self._annotator is not None:
            self._annotator.acceptance.is_volume = is_volume

    def _show_keys(self) -> None:
        if self._cheat_sheet is None:
            self._cheat_sheet = CheatSheet(self._form)
        self._cheat_sheet.show()
        self._cheat_sheet.raise_()
