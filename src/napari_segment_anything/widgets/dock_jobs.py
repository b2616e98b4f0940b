"""Long work that the main dock starts: loading models, everything mode, tracking."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.carry import carry_job
from napari_segment_anything.session.jobs import (
    everything_job,
    load_model_job,
    track_job,
)
from napari_segment_anything.session.prompt_jobs import layer_job
from napari_segment_anything.widgets.everything_layers import (
    add_plane_objects,
    add_tracks,
)
from napari_segment_anything.widgets.layer_prompts import LayerPrompts
from napari_segment_anything.widgets.narrator import NO_PLANE, added_message
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_segment_anything.session.carry import Carried
    from napari_segment_anything.session.jobs import (
        LoadedModel,
        PlaneTracks,
    )
    from napari_segment_anything.session.prompt_jobs import PromptedPlane
    from napari_segment_anything.session.review import Passing
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.widgets.annotator import Annotator
    from napari_segment_anything.widgets.many_form import ManyForm
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

    def __init__(self, viewer: ViewerModel, workbench: Workbench) -> None:
        super().__init__()
        self.worker = JobWorker()
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
            self.said.emit("Something else is running; wait for it or cancel it.")

    def everything_on_plane(self, model: str, annotator: Annotator) -> None:
        """Find all objects of the plane that is shown."""
        self._on_shown_plane(
            model, annotator, everything_job, partial(self._on_objects, annotator)
        )

    def everything_through_time(self, model: str, annotator: Annotator) -> None:
        """Find all objects of each frame and follow them."""
        self._on_shown_plane(
            model, annotator, track_job, partial(self._on_tracks, annotator)
        )

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

    def _on_shown_plane(
        self,
        model: str,
        annotator: Annotator,
        job: Callable[..., Any],
        on_result: Callable[[Any], None],
    ) -> None:
        plane = annotator.layers.plane
        if plane is None:
            self.said.emit(NO_PLANE)
            return

        def start(loaded: LoadedModel) -> None:
            source = annotator.session.source
            self.worker.start(
                job(source, plane, loaded.predictor, self.store), on_result
            )

        self.with_model(model, start)

    def _on_model(
        self, then: Callable[[LoadedModel], object], model: LoadedModel
    ) -> None:
        self._bench.model = model
        self.model_loaded.emit(model)
        then(model)

    def _on_objects(self, annotator: Annotator, found: Passing) -> None:
        self.said.emit(add_plane_objects(annotator, found))

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

    def _on_tracks(self, annotator: Annotator, found: PlaneTracks) -> None:
        self.said.emit(add_tracks(self._viewer, annotator.layers, found))
