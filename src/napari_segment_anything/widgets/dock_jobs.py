"""Long work that the main dock starts: loading models, everything mode, tracking."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.session.carry import carry_job
from napari_segment_anything.session.jobs import (
    everything_job,
    load_model_job,
)
from napari_segment_anything.session.prompt_jobs import layer_job
from napari_segment_anything.widgets.layer_prompts import LayerPrompts
from napari_segment_anything.widgets.narrator import (
    NO_PLANE,
    added_message,
    found_message,
)
from napari_segment_anything.widgets.offered_tracks import OfferedTracks
from napari_segment_anything.widgets.time_narrator import BUSY, describe_found
from napari_segment_anything.widgets.time_request import TimeRequest
from napari_segment_anything.widgets.time_tracker import TimeTracker
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_segment_anything.session.carry import Carried
    from napari_segment_anything.session.jobs import LoadedModel
    from napari_segment_anything.session.prompt_jobs import PromptedPlane
    from napari_segment_anything.session.review import Passing
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.widgets.annotator import Annotator
    from napari_segment_anything.widgets.many_form import ManyForm
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.workbench import Workbench


class DockJobs(QObject):
    """Runs one job at a time and puts its result into the viewer.

    Parameters
    ----------
    viewer : ViewerModel
        Where results go.
    workbench : Workbench
        Keeps the model and the embeddings.
    """

    model_loaded = Signal(object)
    said = Signal(str)
    failed = Signal(object)

    def __init__(self, viewer: ViewerModel, workbench: Workbench) -> None:
        super().__init__()
        self.worker = JobWorker()
        self.tracker = TimeTracker(viewer, workbench, self.worker)
        self._bench = workbench
        self._viewer = viewer

    @property
    def model(self) -> LoadedModel | None:
        """The model that answers; None before one is loaded."""
        return self._bench.model

    @property
    def store(self) -> EmbeddingStore:
        """Embeddings of all models and images."""
        return self._bench.store

    def load(self, name: str) -> None:
        """Load a model, unless it is loaded."""
        self.with_model(name, lambda _model: None)

    def with_model(self, name: str, then: Callable[[LoadedModel], object]) -> None:
        """Call ``then`` with a model, after loading it where that is needed."""
        if self.model is not None and self.model.name == name:
            then(self.model)
            return
        if not self.worker.start(load_model_job(name), partial(self._on_model, then)):
            self.said.emit(BUSY)

    def everything_on_plane(self, model: str, annotator: Annotator) -> None:
        """Find all objects of the plane that is shown."""
        if (plane := annotator.layers.plane) is None:
            self.said.emit(NO_PLANE)
            return

        def start(loaded: LoadedModel) -> None:
            source = annotator.session.source
            self.worker.start(
                everything_job(source, plane, loaded.predictor, self.store),
                partial(self._on_objects, annotator),
            )

        self.with_model(model, start)

    def everything_through_time(self, model: str, annotator: Annotator) -> None:
        """Find all objects of each frame and follow them."""
        if (plane := annotator.layers.plane) is None:
            self.said.emit(NO_PLANE)
            return
        try:
            request = TimeRequest.of_all(annotator.session.source, plane)
        except SegmentAnythingError as error:
            self.failed.emit(error)
            return

        def start(loaded: LoadedModel) -> None:
            image = annotator.layers.image
            self.tracker.track(image, request, loaded.predictor, self._on_tracks)

        self.with_model(model, start)

    def use_as_prompts(self, form: ManyForm, model: str, annotator: Annotator) -> None:
        """Make an object of each point, shape or label of another layer."""
        layers, plane = annotator.layers, annotator.layers.plane
        name = form.layer.currentText()
        if plane is None or name not in self._viewer.layers:
            self.said.emit(NO_PLANE if plane is None else "Choose a layer first.")
            return
        layer = self._viewer.layers[name]
        prompts = LayerPrompts(layer, layers.image, layers.axes, plane)
        source, settings = annotator.session.source, annotator.settings
        known = annotator.session.objects.by_plane()

        def start(loaded: LoadedModel) -> None:
            job = layer_job(
                prompts.collect, known, source, loaded.predictor, self.store, settings
            )
            self.worker.start(job, partial(self._on_prompted, annotator))

        self.with_model(model, start)

    def carry(self, form: ManyForm, model: str, annotator: Annotator) -> None:
        """Carry the open or latest object to the planes beside and between."""
        axis, n_planes = form.axis.currentText(), form.n_planes.value()
        known = annotator.reviser.carried_slices(axis)
        if not known:
            self.said.emit("Open an object, or accept one, on this plane first.")
            return
        source, settings = annotator.session.source, annotator.settings
        positions = [plane.position(axis) or 0 for plane in known]
        n_along = int(source.data.shape[source.axes.index(axis)])
        span = (
            max(0, min(positions) - n_planes),
            min(n_along - 1, max(positions) + n_planes),
        )

        def start(loaded: LoadedModel) -> None:
            job = carry_job(
                source,
                known,
                axis,
                span,
                loaded.predictor,
                self.store,
                settings.options,
            )
            self.worker.start(job, partial(self._on_carried, annotator))

        self.with_model(model, start)

    def close(self) -> None:
        """Cancel what runs and drop its result."""
        self.worker.close()

    def _on_model(
        self, then: Callable[[LoadedModel], object], model: LoadedModel
    ) -> None:
        self._bench.model = model
        self.model_loaded.emit(model)
        then(model)

    def _on_objects(self, annotator: Annotator, found: Passing) -> None:
        annotator.reviser.found[found.candidates.plane] = found.candidates
        ids = annotator.editor.objects.fill(found, annotator.acceptance.class_id)
        self.said.emit(found_message(len(found.new), len(ids)))

    def _on_prompted(self, annotator: Annotator, planes: list[PromptedPlane]) -> None:
        ids = [
            i for answered in planes for i in annotator.reviser.accept_many(answered)
        ]
        n_without = sum(answered.n_without for answered in planes)
        n_covered = sum(len(answered.drawings) for answered in planes) - len(ids)
        self.said.emit(added_message(len(ids), n_without, n_covered))

    def _on_carried(self, annotator: Annotator, found: Carried) -> None:
        plane = next(iter(found.masks), None)
        n_planes = 0
        if plane is not None:
            settings = annotator.settings
            n_planes = annotator.reviser.add_carried(found, plane, settings)
        planes = "1 plane" if n_planes == 1 else f"{n_planes} planes"
        self.said.emit(f"Carried the object to {planes}.")

    def _on_tracks(self, layers: TimeLayers, found: TimeTracks) -> None:
        layers.labels.refresh()
        self._bench.offer_tracks(OfferedTracks(self._viewer, layers, found))
        self.said.emit(describe_found(found))
