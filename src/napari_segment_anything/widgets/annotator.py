"""Joins one image, its prompt and result layers, and a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.answers import (
    AnswerSettings,
)
from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.session import Session
from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
from napari_segment_anything.widgets.editor import Editor
from napari_segment_anything.widgets.hover import Hover
from napari_segment_anything.widgets.mask_asker import MaskAsker
from napari_segment_anything.widgets.narrator import NO_OBJECT, accepted_message
from napari_segment_anything.widgets.workbench import Workbench

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.storage.embedding_store import EmbeddingStore

# Scrolling through planes should not start the encoder on each of them.
_REST_MS = 120

_COVERED = "Other objects cover this one; tick “May overwrite” to replace them."


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
        self.may_overwrite = False
        self.is_turbo = False
        self.was_started = False
        bench = workbench or Workbench()
        self.layers = AnnotationLayers(viewer, image, axes, bench.sources)
        self.session = Session(self.layers.source())
        self.editor = Editor(self.layers, self.session)
        self.asker = MaskAsker(self.session, bench)
        self._dims = viewer.dims
        self._plane: PlaneId | None = None
        self._accept_next = False
        self.hover = Hover(self.layers, self.session)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self.ask)
        self.asker.said.connect(self.said)
        self.asker.received.connect(self._on_answer)
        self.asker.failed.connect(self._on_failure)
        self.asker.is_busy_changed.connect(self.state_changed)
        self.layers.prompts.changed.connect(self._on_prompts)
        self.layers.results.id_used.connect(self.session.objects.reserve)
        self.layers.results.painted.connect(self._on_painted)
        self.session.response_changed.connect(self._show_response)
        self.session.accepted_changed.connect(self.state_changed.emit)
        dims = self._dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.connect(self._on_dims)
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

    @property
    def can_delete(self) -> bool:
        """Whether a finished object is open again on the plane that is shown."""
        plane = self.layers.plane
        return plane is not None and self.session.reopened_on(plane) is not None

    def start(self) -> None:
        """Add the layers that are missing in the viewer, and draw with points."""
        self.was_started = True
        self.layers.add_missing()
        self.layers.draw_points()
        self._plane = self.layers.plane
        self.ask()

    def set_model(self, predictor: MaskPredictor, store: EmbeddingStore) -> None:
        """Answer with another model from now on."""
        self.asker.set_model(predictor, store)
        if self.asker.model is not None:
            self.hover.set_model(*self.asker.model)
        if self.layers.are_shown:
            self.ask()

    def ask(self) -> None:
        """Ask for the masks of what is drawn; without prompts, ready the plane."""
        plane = self.layers.plane
        self.hover.hide()
        drawn = Drawing() if plane is None else self._wanted(plane)
        self.asker.ask(plane, drawn.prompts)
        self.state_changed.emit()

    def accept(self) -> None:
        """Turn the mask of what is drawn into an object.

        A mask that is still being computed is accepted when it arrives.
        """
        plane = self.layers.plane
        if plane is None or self.asker.model is None:
            return
        wanted = self._wanted(plane)
        if not wanted.prompts.has_object:
            return
        response = self.session.response
        if response is None or not self.session.is_current(plane, wanted.prompts):
            self._accept_next = self.is_thinking
            return
        if response.masks is None or not self.session.can_accept:
            self._refuse(plane, wanted, NO_OBJECT)
            return
        ids = self.editor.accept(
            response, wanted, self.asker.settings, may_overwrite=self.may_overwrite
        )
        if ids:
            self.said.emit(accepted_message(ids))
        else:
            self._refuse(plane, wanted, _COVERED)

    def _refuse(self, plane: PlaneId, wanted: Drawing, why: str) -> None:
        if self._is_turbo_click(plane, wanted):
            self.editor.discard(plane, wanted)
        self.said.emit(why)

    def clear(self) -> None:
        """Remove what is drawn on the plane that is shown."""
        plane = self.layers.plane
        if plane is not None:
            self.editor.clear(plane)

    def delete(self) -> None:
        """Delete the object that is open again."""
        plane = self.layers.plane
        deleted = self.editor.delete(plane) if plane is not None else None
        self.said.emit(
            "Click on a finished object first; then it can be deleted."
            if deleted is None
            else f"Deleted object {deleted}; undo brings it back."
        )

    def walk(self, direction: int) -> None:
        """Open the next or the previous object again."""
        plane = self.layers.plane
        if plane is not None and self.editor.has_unsaved(plane):
            self.said.emit("Accept or clear first what is drawn here.")
            return
        known = self.editor.walk(plane, direction)
        if known is None:
            self.said.emit("There are no objects yet.")
        else:
            self.said.emit(f"Object {known.object_id} is open again.")

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
        self._rest.stop()
        self.asker.close()
        self.hover.close()
        dims = self._dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.disconnect(self._on_dims)
        self.layers.image.events.data.disconnect(self._on_image_data)
        self.layers.close()

    def _wanted(self, plane: PlaneId) -> Drawing:
        """Return what is asked now: in turbo mode one click at a time."""
        drawing = self.layers.prompts.drawing_on(plane)
        if self._is_turbo_click(plane, drawing):
            return Drawing(drawing.points[:1], drawing.is_inside[:1])
        return drawing

    def _is_turbo_click(self, plane: PlaneId, drawing: Drawing) -> bool:
        return (
            self.is_turbo
            and len(drawing.points) > 0
            and bool(drawing.is_inside.all())
            and not drawing.outlines
            and self.session.reopened_on(plane) is None
        )

    def _on_prompts(self) -> None:
        self._rest.stop()
        plane = self.layers.plane
        opened = self.editor.note_prompts(plane, may_reopen=not self.is_turbo)
        self.ask()
        if opened is not None:
            self.said.emit(f"Object {opened.object_id} is open again.")
        elif plane is not None and self._is_turbo_click(
            plane, self.layers.prompts.drawing_on(plane)
        ):
            self.accept()

    def _on_painted(self, edit: PixelEdit) -> None:
        self.editor.note_stroke(edit, self.layers.plane)

    def _on_dims(self) -> None:
        plane = self.layers.plane
        if plane != self._plane:
            self._plane = plane
            self._accept_next = False
            self.hover.hide()
            self.session.drop()
            self.state_changed.emit()
            if self.layers.are_shown:
                self._rest.start()

    def _on_answer(self) -> None:
        if self._accept_next:
            self._accept_next = False
            self.accept()

    def _on_failure(self, error: Exception) -> None:
        self._accept_next = False
        self.failed.emit(error)

    def _show_response(self) -> None:
        response = self.session.response
        if response is None or response.masks is None:
            self.layers.preview.hide()
        else:
            self.layers.preview.show(response.masks, response.request.plane)
        self.state_changed.emit()

    def _on_image_data(self) -> None:
        if not self.layers.fit_image:
            self.session.drop()
            self.said.emit("The image has another shape now; press Start again.")
            return
        try:
            self.session.change_source(self.layers.new_source())
        except (ValueError, TypeError) as error:
            self.session.drop()
            self._on_failure(error)
            return
        if self.layers.are_shown:
            self._rest.start()
