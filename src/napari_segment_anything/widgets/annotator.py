"""Joins one image, its prompt and result layers, and a session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.answers import answer_first
from napari_segment_anything.session.embedding_jobs import EmbeddingPlaces
from napari_segment_anything.session.session import Session
from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
from napari_segment_anything.widgets.commits import commit_masks
from napari_segment_anything.widgets.narrator import NO_OBJECT, Narrator
from napari_segment_anything.widgets.workbench import Workbench
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskResponse
    from napari_segment_anything.storage.embedding_store import EmbeddingStore

# Scrolling through planes should not start the encoder on each of them.
_REST_MS = 120


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
        self._bench = workbench or Workbench()
        self.layers = AnnotationLayers(viewer, image, axes, self._bench.sources)
        self.session = Session(self.layers.source())
        self._dims = viewer.dims
        self._model: tuple[MaskPredictor, EmbeddingStore] | None = None
        self._plane: PlaneId | None = None
        self._accept_next = False
        self._worker = LatestWorker(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self.ask)
        self._narrator = Narrator(self)
        self._narrator.said.connect(self.said)
        self._worker.finished.connect(self._on_answer)
        self._worker.failed.connect(self._on_failure)
        self._worker.is_busy_changed.connect(self.state_changed)
        self.layers.prompts.changed.connect(self._on_prompts)
        self.layers.results.id_used.connect(self.session.objects.reserve)
        self.session.response_changed.connect(self._show_response)
        self.session.accepted_changed.connect(self.state_changed.emit)
        dims = self._dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.connect(self._on_dims)
        image.events.data.connect(self._on_image_data)

    @property
    def is_thinking(self) -> bool:
        """Whether a plane is being encoded or a mask decoded."""
        return self._worker.is_busy

    def start(self) -> None:
        """Add the layers that are missing in the viewer, and draw with points."""
        self.layers.add_missing()
        self.layers.draw_points()
        self._plane = self.layers.plane
        self.ask()

    def set_model(self, predictor: MaskPredictor, store: EmbeddingStore) -> None:
        """Answer with another model from now on."""
        self._model = (predictor, store)
        self.session.drop()
        if self.layers.are_shown:
            self.ask()

    def ask(self) -> None:
        """Ask for the masks of what is drawn; without prompts, ready the plane."""
        plane = self.layers.plane
        if plane is None or self._model is None:
            self.session.drop()
        else:
            drawn = self.layers.prompts.prompts_on(plane)
            request = self.session.ask(plane, drawn)
            predictor, store = self._model
            places = EmbeddingPlaces(store, self._bench.index, self._bench.gate)
            self._worker.submit(partial(answer_first, request, predictor, places))
            self._narrator.wait_for(plane)
            if not drawn.is_empty and not drawn.has_object:
                self.said.emit("Add a point inside of the object, or a box around it.")
        self.state_changed.emit()

    def accept(self) -> None:
        """Turn the mask of what is drawn into an object.

        A mask that is still being computed is accepted when it arrives.
        """
        plane = self.layers.plane
        if plane is None or self._model is None:
            return
        drawn = self.layers.prompts.prompts_on(plane)
        if not drawn.has_object:
            return
        response = self.session.response
        if response is None or not self.session.is_current(plane, drawn):
            self._accept_next = self.is_thinking
            return
        if response.masks is None or not self.session.can_accept:
            self.said.emit(NO_OBJECT)
            return
        ids = commit_masks(
            self.layers,
            self.session,
            response.masks,
            plane=plane,
            prompts=drawn,
            model_digest=response.model_digest,
            may_overwrite=self.may_overwrite,
        )
        if not ids:
            self.said.emit(
                "Other objects cover this one; tick “May overwrite” to replace them."
            )
            return
        self.layers.prompts.clear(plane)
        self.said.emit(_accepted_message(ids))

    def clear(self) -> None:
        """Remove what is drawn on the plane that is shown."""
        plane = self.layers.plane
        if plane is not None:
            self.layers.prompts.clear(plane)

    def undo(self) -> None:
        """Take the newest accept back and draw its prompts again."""
        commit = self.session.undo()
        if commit is None:
            return
        self.layers.results.unpaint(commit)
        self.layers.go_to(commit.plane)
        if self.layers.prompts.prompts_on(commit.plane).is_empty:
            self.layers.prompts.draw(commit.plane, commit.prompts)
        self.said.emit(f"Took back {count_objects(len(commit.object_ids))}.")

    def close(self) -> None:
        """Let go of the viewer; the layers stay."""
        self._rest.stop()
        self._narrator.stop()
        self._worker.close()
        dims = self._dims.events
        for event in (dims.current_step, dims.order, dims.ndisplay):
            event.disconnect(self._on_dims)
        self.layers.image.events.data.disconnect(self._on_image_data)
        self.layers.close()

    def _on_prompts(self) -> None:
        self._rest.stop()
        self.ask()

    def _on_dims(self) -> None:
        plane = self.layers.plane
        if plane != self._plane:
            self._plane = plane
            self._accept_next = False
            self.session.drop()
            self.state_changed.emit()
            if self.layers.are_shown:
                self._rest.start()

    def _on_answer(self, response: MaskResponse) -> None:
        self._bench.planes_changed.emit()
        if self.session.receive(response):
            self._narrator.tell(response)
            if self._accept_next:
                self._accept_next = False
                self.accept()
        self.state_changed.emit()

    def _on_failure(self, error: Exception) -> None:
        self._accept_next = False
        self._narrator.stop()
        # What waits is newer than what failed, and must not be made stale by it.
        if not self._worker.has_waiting:
            self.session.drop()
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
            self._on_failure(error)
            return
        if self.layers.are_shown:
            self._rest.start()


def count_objects(n_objects: int) -> str:
    """Return a number of objects in words, such as ``1 object``."""
    return "1 object" if n_objects == 1 else f"{n_objects} objects"


def _accepted_message(ids: list[int]) -> str:
    if len(ids) == 1:
        return f"Accepted object {ids[0]}."
    return f"Accepted {len(ids)} objects, {min(ids)} to {max(ids)}."
