"""Runs everything mode through time, and shows its labels as they grow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_segment_anything.batch.track_progress import GrownFrame
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.widgets.time_jobs import time_job
from napari_segment_anything.widgets.time_layers import TimeLayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.widgets.time_request import TimeRequest, TimeTracks
    from napari_segment_anything.widgets.workbench import Workbench
    from napari_segment_anything.widgets.workers import JobWorker


class TimeTracker(QObject):
    """Fills layers with tracked labels; they go again if it does not end well.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    workbench : Workbench
        Embeddings.
    worker : JobWorker
        Runs the jobs.
    """

    def __init__(
        self, viewer: ViewerModel, workbench: Workbench, worker: JobWorker
    ) -> None:
        super().__init__()
        self._viewer, self._bench, self._worker = viewer, workbench, worker
        self._growing: TimeLayers | None = None
        worker.progressed.connect(self._on_progress)
        worker.cancelled.connect(self._drop)
        worker.failed.connect(self._drop)

    @property
    def is_tracking(self) -> bool:
        """Whether layers are being filled."""
        return self._growing is not None

    def track(
        self,
        image: Image,
        request: TimeRequest,
        predictor: MaskPredictor,
        then: Callable[[TimeLayers, TimeTracks], object],
        *,
        is_preview: bool = False,
    ) -> None:
        """Find all objects and follow them.

        Parameters
        ----------
        image : Image
            Layer that the request is about.
        request : TimeRequest
            What to do.
        predictor : MaskPredictor
            The model.
        then : callable
            Called with what was found, and its layers.
        is_preview : bool, optional
            Whether it only shows what would come out.
        """
        layers = TimeLayers(
            self._viewer,
            image,
            request.axes,
            "preview" if is_preview else "tracked",
            is_preview=is_preview,
        )
        job = time_job(
            request,
            predictor,
            self._bench.store,
            CandidateStore(self._bench.folder.parent / "candidates"),
            layers.write,
            partial(layers.movie, along=request.along),
        )

        def on_found(found: TimeTracks) -> None:
            self.keep()
            then(layers, found)

        if self._worker.start(job, on_found):
            self.show_growing(layers)
        else:
            layers.remove()

    def show_growing(self, layers: TimeLayers) -> None:
        """Follow layers that a job fills."""
        self._growing = layers

    def keep(self) -> None:
        """Keep the layers that a job has filled."""
        self._growing = None

    def _on_progress(self, progress: object) -> None:
        if isinstance(progress, GrownFrame) and self._growing is not None:
            self._growing.labels.refresh()

    def _drop(self) -> None:
        """Remove labels whose ids were only for the eye: they are no tracks."""
        growing, self._growing = self._growing, None
        if growing is not None:
            growing.remove()
