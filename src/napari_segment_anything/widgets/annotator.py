"""Joins one image, its prompt and result layers, and a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.answers import AnswerSettings
from napari_segment_anything.session.objects import PlanePrompts
from napari_segment_anything.session.session import Session
from napari_segment_anything.widgets.acceptance import Acceptance
from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
from napari_segment_anything.widgets.editor import Editor
from napari_segment_anything.widgets.hover import Hover
from napari_segment_anything.widgets.mask_asker import MaskAsker
from napari_segment_anything.widgets.narrator import (
    DUE,
    NO_PLANE,
    NOTHING_TO_ACCEPT,
    OTHER_SHAPE,
    opened_message,
)
from napari_segment_anything.widgets.plane_watch import PlaneWatch
from napari_segment_anything.widgets.reviser import Reviser
from napari_segment_anything.widgets.workbench import Workbench

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.storage.embedding_store import EmbeddingStore


class Annotator(QObject):
    """Annotates one image: asks for masks as prompts change, shows and accepts them.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that holds the image.
    image : Image
        The layer to segment; never changed.
    axes : str
        One letter per dimension of the layer.
    workbench : Workbench, optional
        What the docks of the viewer share.

    Raises
    ------
    InvalidAxesError, InvalidImageError
        When the axes do not fit, or the image cannot be segmented.
    """

    state_changed = Signal()
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        viewer: ViewerModel,
        image: Image,
        axes: str,
        workbench: Workbench | None = None,
    ) -> None:
        super().__init__()
        bench = workbench or Workbench()
        self.layers = AnnotationLayers(viewer, image, axes, bench.sources)
        self.session = Session(self.layers.source())
        self.editor = Editor(self.layers, self.session)
        self.asker = MaskAsker(self.session, bench)
        self.acceptance = Acceptance(self.layers, self.session, self.editor, self.asker)
        self.reviser = Reviser(self.layers, self.session, self.editor, self.acceptance)
        self.reviser.said.connect(self.said)
        self.hover = Hover(self.layers, self.session)
        self.watch = PlaneWatch(viewer, self.layers)
        self.watch.changed.connect(self._on_plane)
        self.watch.rested.connect(self.ask)
        self.asker.said.connect(self.said)
        self.acceptance.on_arrival = self.said.emit
        self.asker.failed.connect(self._on_failure)
        self.asker.is_busy_changed.connect(self.state_changed)
        self.layers.prompts.changed.connect(self._on_prompts)
        self.layers.results.id_used.connect(self.session.objects.reserve)
        self.layers.results.painted.connect(
            lambda edit: self.editor.note_stroke(edit, self.layers.plane)
        )
        self.session.response_changed.connect(self._show_response)
        self.session.accepted_changed.connect(self._on_step)
        image.events.data.connect(self._on_image_data)

    @property
    def is_thinking(self) -> bool:
        """Whether a plane is being encoded or a mask decoded."""
        return self.asker.is_busy

    @property
    def settings(self) -> AnswerSettings:
        """Size of a single click, and how masks are cleaned."""
        return self.asker.settings

    @settings.setter
    def settings(self, settings: AnswerSettings) -> None:
        if settings != self.asker.settings:
            self.asker.settings = settings
            if self.layers.are_shown and self.layers.have_prompts:
                self.ask()

    def start(self) -> None:
        """Add the layers that are missing in the viewer, and draw with points."""
        self.layers.add_missing()
        self.layers.draw_points()
        self.watch.start()
        self.asker.invite()
        self.ask()

    def set_model(self, predictor: MaskPredictor, store: EmbeddingStore) -> None:
        """Answer with another model from now on."""
        self.hover.set_model(predictor, self.asker.set_model(predictor, store))
        if self.layers.are_shown:
            self.ask()

    def ask(self) -> None:
        """Ask for the masks of what is drawn; without prompts, ready the plane."""
        plane = self.layers.plane
        self.hover.hide()
        if not self.layers.fit_image:
            self._refuse_shape()
            return
        prompts = PlanePrompts() if plane is None else self.acceptance.asked(plane)
        is_silent = plane is not None and self.editor.is_as_opened(plane)
        self.asker.ask(plane, prompts, is_silent=is_silent)
        self._show_response()

    def accept(self, *, is_other_way: bool = False) -> None:
        """Turn the mask of what is drawn into an object.

        A mask that is not there yet is accepted when it arrives, whatever plane is
        shown. An unchanged open object is confirmed, in a review the next one opened.
        """
        if not self.layers.fit_image:
            self._refuse_shape()
            return
        known = self.reviser.open_object()
        if message := self.acceptance.accept(is_other_way=is_other_way):
            self.said.emit(message)
            self.reviser.go_on(known)
        elif self.acceptance.is_due:
            self.ask()
            self.said.emit(DUE)
        elif self.asker.model is not None:
            self.said.emit(NOTHING_TO_ACCEPT)

    def clear(self) -> None:
        """Remove what is drawn on the plane that is shown."""
        plane = self.layers.plane
        if plane is not None:
            self.layers.prompts.clear(plane)

    def undo(self) -> None:
        """Take the newest step back, whatever and wherever it was."""
        step = self.editor.undo()
        self.said.emit(f"Undone: {step.title}." if step else "Nothing to undo.")

    def redo(self) -> None:
        """Do the step again that was undone last."""
        step = self.editor.redo()
        self.said.emit(f"Done again: {step.title}." if step else "Nothing to redo.")

    def close(self) -> None:
        """Let go of the viewer; the layers stay."""
        self.watch.close()
        self.asker.close()
        self.hover.close()
        self.layers.image.events.data.disconnect(self._on_image_data)
        self.layers.close()

    def _on_prompts(self) -> None:
        self.watch.stop()
        plane = self.layers.plane
        is_at_once = plane is not None and self.acceptance.has_turbo_click(plane)
        opened = self.editor.note_prompts(
            plane, may_reopen=self.acceptance.may_reopen, is_brief=is_at_once
        )
        self.ask()
        if opened is not None:
            self.said.emit(opened_message(opened))
        elif is_at_once:
            self.accept()
        elif not self.layers.have_prompts:
            self.asker.invite()

    def _on_step(self) -> None:
        self._show_response()
        self.layers.results.show_objects(self.session.objects)

    def _on_plane(self) -> None:
        self.hover.hide()
        self.asker.leave()
        self._show_response()
        if self.layers.plane is None and self.layers.are_shown:
            self.said.emit(NO_PLANE)

    def _on_failure(self, error: Exception) -> None:
        self.failed.emit(error)

    def _show_response(self) -> None:
        if (shown := self.acceptance.shown) is None:
            self.layers.preview.hide()
        else:
            self.layers.preview.show(shown.masks, shown.plane, shown.others)
        self.state_changed.emit()

    def _on_image_data(self) -> None:
        if not self.layers.fit_image:
            self._refuse_shape()
            return
        try:
            self.session.change_source(self.layers.new_source())
        except (ValueError, TypeError) as error:
            self.session.drop()
            self._on_failure(error)
            return
        self.watch.rest_soon()

    def _refuse_shape(self) -> None:
        self.session.drop()
        self.state_changed.emit()
        self.said.emit(OTHER_SHAPE)
