"""Runs of everything mode through time: from the form to layers with tracks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.batch.track_start import parse_frames
from napari_segment_anything.errors import InvalidSettingsError, SegmentAnythingError
from napari_segment_anything.session.jobs import load_model_job
from napari_segment_anything.widgets.left_runs import LeftRuns
from napari_segment_anything.widgets.plane import displayed_plane, image_data
from napari_segment_anything.widgets.time_narrator import BUSY, describe_found
from napari_segment_anything.widgets.time_projection import (
    add_projection,
    projection_job,
)
from napari_segment_anything.widgets.time_request import TimeRequest, TimeTracks
from napari_segment_anything.widgets.time_tracker import TimeTracker
from napari_segment_anything.widgets.time_words import worded
from napari_segment_anything.widgets.workers import JobWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from napari_segment_anything.batch.track_projection import Projection
    from napari_segment_anything.session.jobs import LoadedModel
    from napari_segment_anything.widgets.time_form import TimeForm
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.workbench import Workbench

N_TRIED = 3
_NOTHING_MORE = "Nothing more is changed."


class TimeRuns(QObject):
    """Runs one job at a time and shows how tracks grow.

    While a dock that was closed still runs a job, this is it; see `LeftRuns`.

    Parameters
    ----------
    viewer : ViewerModel
        Where results go.
    workbench : Workbench
        Model and embeddings.
    form : TimeForm
        Says what is wanted.
    """

    found = Signal(object, object)
    """Layers, and the `TimeTracks` in them."""

    said = Signal(str)
    failed = Signal(object)
    is_busy_changed = Signal(bool)

    def __init__(
        self, viewer: ViewerModel, workbench: Workbench, form: TimeForm
    ) -> None:
        super().__init__()
        self.left = LeftRuns.of(workbench)
        self.viewer = viewer
        self.worker = JobWorker()
        self._bench, self._form = workbench, form
        self.tracker = TimeTracker(viewer, workbench, self.worker)
        # Whether the next run finds again what the present one has found.
        self._is_resumable = False
        self._after_axes: Callable[[], None] | None = None
        self._was_busy = self.is_busy
        self.worker.cancelled.connect(self._on_cancelled)
        self.tracker.given_up.connect(self._on_cancelled)
        self.worker.failed.connect(self._on_failed)
        for one in (self.worker, self.left):
            one.is_busy_changed.connect(self._on_busy)
        form.question.answered.connect(self._on_answer)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs, be it one that a closed dock has left."""
        return self.worker.is_busy or self.left.is_busy

    def cancel(self) -> None:
        """Ask what runs to end."""
        self.worker.cancel()
        self.left.cancel()

    def try_some(self) -> None:
        """Find and link the objects of three frames, those around the visible one."""
        self._with_axes(partial(self._run, is_preview=True))

    def track(self) -> None:
        """Find the objects of all frames that are wanted, and follow them."""
        self._with_axes(partial(self._run, is_preview=False))

    def request(self) -> TimeRequest | None:
        """Return what the form asks for; None where no plane of a movie is shown.

        Raises
        ------
        InvalidSettingsError, InvalidImageError
            If something in the form cannot be meant.
        """
        form, image = self._form, self._form.image.layer
        if image is None:
            return None
        axes = self._bench.axes_of(image)
        plane = displayed_plane(self.viewer, image, axes)
        if plane is None or form.along.currentData() is None:
            self.said.emit("Show one plane of a movie or a z-stack in 2-D.")
            return None
        start = form.start_layer
        return TimeRequest(
            source=self._bench.sources.of(image, axes),
            plane=plane,
            axes=axes,
            along=str(form.along.currentData()),
            frames=form.frames,
            words=form.words,
            directions=form.direction.currentData(),
            start=None if start is None else image_data(start),
            search=str(form.search.currentData()),
            are_tracks=form.are_tracks.isChecked(),
            is_locked=form.is_locked.isChecked(),
            locked_frames=_locked_frames(form),
        )

    def with_model(self, then: Callable[[], None]) -> None:
        """Go on once a model is loaded; not while a closed dock still runs a job."""
        if self.left.is_busy:
            self.said.emit(BUSY)
            return

        def loaded(model: LoadedModel) -> None:
            self._bench.model = model
            then()

        if self._bench.model is not None:
            then()
        else:
            self.worker.start(load_model_job(self._bench.wanted_model), loaded)

    def _with_axes(self, then: Callable[[], None]) -> None:
        """Go on once it is known what the sliders mean."""
        image = self._form.image.layer
        if image is None:
            return
        if self._bench.must_ask_axes(image):
            self._after_axes = then
            self._form.question.ask(image.name, image.ndim)
            return
        self.with_model(then)

    def _on_answer(self, axes: str) -> None:
        image, then = self._form.image.layer, self._after_axes
        if image is not None and then is not None:
            self._after_axes = None
            self._bench.name_axes(image, axes)
            self.with_model(then)

    def _run(self, *, is_preview: bool) -> None:
        image, model = self._form.image.layer, self._bench.model
        try:
            request = self.request()
        except SegmentAnythingError as error:
            self.failed.emit(error)
            return
        if request is None or image is None or model is None or self.worker.is_busy:
            return
        if (how := self._form.projection) is not None:
            show = partial(self._on_projected, is_preview, request.axes, how)
            self.worker.start(projection_job(request, how), show)
            return
        if is_preview:
            request = request.only(_around(request))
        self._is_resumable = True
        self.tracker.track(
            image, request, model.predictor, self._on_found, is_preview=is_preview
        )

    def _on_projected(
        self, is_preview: bool, axes: str, how: Projection, projected: Any
    ) -> None:
        """Go on with the projection in place of the image."""
        image, wanted = self._form.image.layer, self._form.frames
        if image is None:
            return
        layer = add_projection(self.viewer, image, axes, projected, how)
        self._bench.name_axes(layer, axes)
        self._form.image.choose(layer)
        self._form.frames = wanted
        self._run(is_preview=is_preview)

    def _on_found(self, layers: TimeLayers, found: TimeTracks) -> None:
        self._is_resumable = False
        self.said.emit(describe_found(found))
        # Whoever takes them may have more to say.
        self.found.emit(layers, found)

    def _on_busy(self) -> None:
        # Who comes back runs what it has left, as before.
        if self.is_busy != self._was_busy:
            self._was_busy = self.is_busy
            self.is_busy_changed.emit(self.is_busy)

    def _on_cancelled(self) -> None:
        words = "What was found is kept: it goes on from there."
        self.said.emit(f"Cancelled. {words if self._is_resumable else _NOTHING_MORE}")
        self._is_resumable = False

    def _on_failed(self, error: Exception) -> None:
        self._is_resumable = False
        self.failed.emit(error)


def _locked_frames(form: TimeForm) -> tuple[int, ...]:
    """Frames that are locked.

    Raises
    ------
    InvalidSettingsError
        If they are no frames of the movie.
    """
    frames = parse_frames(form.locked_frames.text())
    last = form.last.maximum()
    if beyond := [frame for frame in frames if not 0 <= frame <= last]:
        words = f"Frame {beyond[0]} cannot be locked: the movie has the frames 0 to "
        along = str(form.along.currentData())
        raise InvalidSettingsError(f"{worded(words, along)}{last}.")
    return frames


def _around(request: TimeRequest) -> range:
    """Frames around the visible one, as far as they are wanted."""
    wanted = request.frames
    here = request.plane.position(request.along) or 0
    first = max(min(here - N_TRIED // 2, wanted.stop - N_TRIED), wanted.start)
    return range(first, min(first + N_TRIED, wanted.stop))
