"""Runs everything mode through time, and shows its labels as they grow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.batch.track_progress import GrownFrame
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.widgets.time_jobs import time_job
from napari_segment_anything.widgets.time_layers import TimeLayers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.widgets.time_request import TimeRequest, TimeTracks
    from napari_segment_anything.widgets.workbench import Workbench
    from napari_segment_anything.widgets.workers import JobWorker

LABELS_GONE = (
    "The labels “{}” were removed while they were being filled, so nothing comes of "
    "it. Start it again to have them back."
)


class TimeTracker(QObject):
    """Fills layers with tracked labels; they go again if it does not end well.

    A job whose labels somebody removes is cancelled.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layers are.
    workbench : Workbench
        Embeddings.
    worker : JobWorker
        Runs the jobs.
    """

    given_up = Signal()
    """A job has ended, but nobody wants what it found."""

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
        self.fill(layers, job, then)

    def fill(
        self,
        layers: TimeLayers,
        job: Generator[Progress, None, TimeTracks],
        then: Callable[[TimeLayers, TimeTracks], object],
    ) -> None:
        """Run a job that fills layers; they are removed where it does not end well.

        Parameters
        ----------
        layers : TimeLayers
            What is filled; already in the viewer.
        job : generator
            Fills them and returns the tracks.
        then : callable
            Called with the layers and the tracks.
        """

        def on_found(found: TimeTracks) -> None:
            # The last step may end after somebody has removed the labels.
            if layers.is_there:
                self._let_go()
                then(layers, found)
            else:
                self._drop()
                self.given_up.emit()

        layers.pixels.hold()
        if self._worker.start(job, on_found):
            self._growing = layers
            self._viewer.layers.events.removed.connect(self._on_removed)
        else:
            layers.remove()

    def _let_go(self) -> TimeLayers | None:
        """Follow the layers no more that were filled."""
        growing, self._growing = self._growing, None
        if growing is not None:
            self._viewer.layers.events.removed.disconnect(self._on_removed)
            growing.pixels.release()
        return growing

    def _on_progress(self, progress: object) -> None:
        if isinstance(progress, GrownFrame) and self._growing is not None:
            self._growing.labels.refresh()

    def _on_removed(self) -> None:
        """Work no more for labels that somebody has removed."""
        if self._growing is not None and not self._growing.is_there:
            self._worker.cancel()

    def _drop(self) -> None:
        """Remove labels whose ids were only for the eye: they are no tracks."""
        if (growing := self._let_go()) is not None:
            # Not when they are removed: a viewer that is closed removes all, too.
            if not growing.is_there:
                show_warning(LABELS_GONE.format(growing.labels.name))
            growing.remove()
