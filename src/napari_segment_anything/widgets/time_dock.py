"""The dock *Time*: everything mode through time, its review and its correction."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_segment_anything.batch.track_jobs import GrownFrame
from napari_segment_anything.batch.track_start import parse_frames
from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.session.jobs import load_model_job
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.tracking.words import describe
from napari_segment_anything.widgets import keys, time_review
from napari_segment_anything.widgets.plane import displayed_plane
from napari_segment_anything.widgets.time_corrector import TimeCorrector
from napari_segment_anything.widgets.time_files import TimeFiles
from napari_segment_anything.widgets.time_form import TimeForm
from napari_segment_anything.widgets.time_jobs import (
    TimeRequest,
    TimeTracks,
    time_job,
)
from napari_segment_anything.widgets.time_layers import TimeLayers
from napari_segment_anything.widgets.workbench import acquire, release
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.session.jobs import LoadedModel

_LOG = logging.getLogger(__name__)


class TimeDock(QWidget):
    """Finds all objects of a movie, follows them, and lets a person correct it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the dock belongs to.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.form = TimeForm(viewer)
        self.workbench = acquire(viewer, self.form)
        self.worker = JobWorker()
        self.corrector: TimeCorrector | None = None
        self.files = TimeFiles(self, self.worker)
        self._viewer = viewer
        self._growing: TimeLayers | None = None
        self._after_axes: Callable[[], None] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form, 1)
        self._connect()
        self.destroyed.connect(_Closing(self))
        self._on_model()
        self._on_image()

    def _connect(self) -> None:
        form, worker, review = self.form, self.worker, self.form.review
        form.image.currentIndexChanged.connect(self._on_image)
        form.along.activated.connect(self._on_along)
        form.question.answered.connect(self._on_answer)
        form.preview.clicked.connect(lambda: self._with_axes(self._preview))
        form.track.clicked.connect(lambda: self._with_axes(self._track))
        form.job.cancel_button.clicked.connect(worker.cancel)
        worker.is_busy_changed.connect(form.job.set_running)
        worker.is_busy_changed.connect(self._refresh)
        worker.progressed.connect(self._on_progress)
        worker.cancelled.connect(self._on_cancelled)
        worker.failed.connect(self._on_failure)
        self.files.said.connect(form.job.say)
        self.files.failed.connect(self._on_failure)
        self.files.loaded.connect(self._on_loaded)
        self.workbench.model_changed.connect(self._on_model)
        self.workbench.axes_changed.connect(self._on_image)
        review.next.clicked.connect(lambda: self._step(1))
        review.accept.clicked.connect(self._accept)
        review.list.itemClicked.connect(lambda _: self._go_to(review.list.currentRow()))
        for name, button in review.buttons.items():
            button.clicked.connect(partial(self._act, name))
        review.recompute.clicked.connect(self._recompute)
        review.undo.clicked.connect(self._undo)
        review.save.clicked.connect(lambda: self.files.save(self.corrector))
        review.load.clicked.connect(self.files.load)

    def _on_image(self) -> None:
        image = self.form.image.layer
        self.form.question.dismiss()
        letters, lengths = "", dict[str, int]()
        if image is not None:
            axes = self.workbench.axes_of(image)
            lengths = dict(zip(axes, image.data.shape, strict=False))
            letters = "".join(a for a in axes if a not in "CYX")
        self.form.set_axes(letters, lengths)
        self._refresh()

    def _on_along(self) -> None:
        image = self.form.image.layer
        if image is not None:
            axes = self.workbench.axes_of(image)
            n = image.data.shape[axes.index(str(self.form.along.currentData()))]
            self.form.set_length(int(n))

    def _with_axes(self, then: Callable[[], None]) -> None:
        """Go on once it is known what the sliders mean, and a model is loaded."""
        image = self.form.image.layer
        if image is None:
            return
        if self.workbench.must_ask_axes(image):
            self._after_axes = then
            self.form.question.ask(image.name, image.ndim)
            return
        self._with_model(then)

    def _with_model(self, then: Callable[[], None]) -> None:
        def loaded(model: LoadedModel) -> None:
            self.workbench.model = model
            then()

        if self.workbench.model is not None:
            then()
        else:
            self.worker.start(load_model_job(self.workbench.wanted_model), loaded)

    def _on_answer(self, axes: str) -> None:
        image, then = self.form.image.layer, self._after_axes
        if image is not None and then is not None:
            self._after_axes = None
            self.workbench.name_axes(image, axes)
            self._with_model(then)

    @property
    def viewer(self) -> napari.viewer.Viewer:
        """The viewer that the dock belongs to."""
        return self._viewer

    def show_growing(self, layers: TimeLayers) -> None:
        """Follow layers that a job fills; they go again if it fails."""
        self._growing = layers

    def request(self) -> TimeRequest | None:
        """Return what the form asks for; None where no plane of a movie is shown.

        Raises
        ------
        InvalidSettingsError, InvalidImageError
            If something in the form cannot be meant.
        """
        form, image = self.form, self.form.image.layer
        if image is None:
            return None
        axes = self.workbench.axes_of(image)
        plane = displayed_plane(self._viewer, image, axes)
        if plane is None or form.along.currentData() is None:
            form.job.say("Show one plane of a movie or a z-stack in 2-D.")
            return None
        start = form.start_layer
        return TimeRequest(
            source=self.workbench.sources.of(image, axes),
            plane=plane,
            axes=axes,
            along=str(form.along.currentData()),
            frames=range(form.first.value(), form.last.value() + 1),
            words=form.words,
            directions=form.direction.currentData(),
            start=None if start is None else start.data,
            search=str(form.search.currentData()),
            are_tracks=form.are_tracks.isChecked(),
            is_locked=form.is_locked.isChecked(),
            locked_frames=parse_frames(form.locked_frames.text()),
        )

    def _preview(self) -> None:
        request = self._checked_request()
        if request is None:
            return
        here = request.plane.position(request.along) or 0
        first = max(min(here - 1, request.frames.stop - 3), request.frames.start)
        frames = range(first, min(first + 3, request.frames.stop))
        # Only the movie that is shown.
        self._run(request.only(frames), "preview")

    def _track(self) -> None:
        request = self._checked_request()
        if request is not None:
            self._run(request, "tracked")

    def _checked_request(self) -> TimeRequest | None:
        try:
            return self.request()
        except SegmentAnythingError as error:
            self._on_failure(error)
            return None

    def _run(self, request: TimeRequest, name: str) -> None:
        image, model = self.form.image.layer, self.workbench.model
        if image is None or model is None or self.worker.is_busy:
            return
        layers = TimeLayers(self._viewer, image, request.axes, name)
        self._growing = layers
        job = time_job(
            request,
            model.predictor,
            self.workbench.store,
            CandidateStore(self.workbench.folder.parent / "candidates"),
            layers.write,
            layers.movie(request.plane, request.along),
        )
        self.worker.start(job, partial(self._on_found, layers))

    def _on_found(self, layers: TimeLayers, found: TimeTracks) -> None:
        self._growing = None
        self._review(layers, found)
        if (result := found.result) is not None:
            self.form.job.say(
                f"{result.n_objects} objects in {result.n_frames} frames, "
                f"{result.n_tracks} tracks, {result.n_divisions} divisions, "
                f"{result.n_repaired} masks repaired."
            )
        if found.linking is not None:
            self.form.estimate.setText(describe(found.linking))
            self.form.estimate.setVisible(True)

    def _on_loaded(self, layers: TimeLayers, found: TimeTracks) -> None:
        self._growing = None
        self._review(layers, found)

    def _review(self, layers: TimeLayers, found: TimeTracks) -> None:
        if self.corrector is not None:
            self.corrector.close()
        layers.labels.refresh()
        corrector = TimeCorrector(
            self._viewer, self.workbench, layers, found, self.worker
        )
        corrector.said.connect(self.form.job.say)
        corrector.failed.connect(self._on_failure)
        corrector.changed.connect(self._show_review)
        self.corrector = corrector
        keys.bind_keys(layers.labels, self._keys())
        self._viewer.layers.selection.active = layers.labels
        self._show_review()

    def _keys(self) -> dict[str, Callable[[], None]]:
        return {
            time_review.NEXT_KEY: lambda: self._step(1),
            time_review.PREVIOUS_KEY: lambda: self._step(-1),
            time_review.ACCEPT_KEY: self._accept,
            time_review.RECOMPUTE_KEY: self._recompute,
            time_review.UNDO_KEY: self._undo,
        }

    def _step(self, by: int) -> None:
        if self.corrector is not None and self.corrector.step(by) is not None:
            self._show_doubt()

    def _go_to(self, row: int) -> None:
        if self.corrector is not None and 0 <= row < len(self.corrector.doubts):
            self.corrector.go_to(row)
            self._show_doubt()

    def _show_doubt(self) -> None:
        corrector, review = self.corrector, self.form.review
        if corrector is not None and 0 <= corrector.at < len(corrector.doubts):
            review.list.setCurrentRow(corrector.at)
            review.show_detail(corrector.doubts[corrector.at])

    def _accept(self) -> None:
        if self.corrector is not None:
            self.corrector.accept()
            self._show_doubt()

    def _act(self, name: str) -> None:
        if self.corrector is not None:
            self.corrector.act(name)

    def _recompute(self) -> None:
        corrector = self.corrector
        if corrector is not None and corrector.selected:
            self._with_model(corrector.recompute)

    def _undo(self) -> None:
        if self.corrector is not None:
            self.corrector.undo()

    def _show_review(self) -> None:
        if self.corrector is not None:
            if tuple(self.corrector.doubts) != self.form.review.doubts:
                self.form.review.show_doubts(self.corrector.doubts)
                self._show_doubt()
            self.form.review.selected.setText(self.corrector.describe())
        self._refresh()

    def _on_progress(self, progress: Progress) -> None:
        self.form.job.show_progress(progress)
        if isinstance(progress, GrownFrame) and self._growing is not None:
            self._growing.labels.refresh()

    def _on_cancelled(self) -> None:
        growing, self._growing = self._growing, None
        if growing is not None and growing.is_there:
            # Ids that were only for the eye are no tracks.
            self._viewer.layers.remove(growing.labels)
        self.form.job.say("Cancelled. What was found is kept: it goes on from there.")

    def _on_model(self) -> None:
        model = self.workbench.model
        self.form.model.setText(
            f"{model.name} on {model.device}"
            if model
            else f"{self.workbench.wanted_model}, loaded when it is needed"
        )

    def _on_failure(self, error: Exception) -> None:
        growing, self._growing = self._growing, None
        if growing is not None and growing.is_there:
            self._viewer.layers.remove(growing.labels)
        message = str(error)
        if not isinstance(error, SegmentAnythingError):
            _LOG.error("Unexpected error", exc_info=error)
            message = f"{type(error).__name__}: {error}. Nothing you made was changed."
        self.form.job.say(message)
        show_error(message)

    def _refresh(self) -> None:
        form, corrector = self.form, self.corrector
        image = form.image.layer
        is_free = not self.worker.is_busy
        can_run = is_free and image is not None and form.along.count() > 0
        form.track.setEnabled(can_run)
        form.preview.setEnabled(can_run)
        form.review.set_ready(
            corrector is not None and is_free,
            corrector is not None and corrector.selected > 0,
            corrector is not None and corrector.can_undo and is_free,
        )
        form.review.load.setEnabled(can_run)


class _Closing:
    """Lets go of the viewer when the dock is gone; the dock cannot do so itself."""

    def __init__(self, dock: TimeDock) -> None:
        self._dock = dock

    def __call__(self) -> None:
        dock = self._dock
        dock.worker.close()
        if dock.corrector is not None:
            dock.corrector.close()
        dock.form.close_connections()
        release(dock.form)
