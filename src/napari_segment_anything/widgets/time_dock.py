"""The dock *Time*: everything mode through time, its review and its correction."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent

from napari_segment_anything.widgets.close_guard import CloseGuard
from napari_segment_anything.widgets.dock import Dock
from napari_segment_anything.widgets.left_runs import GOES_ON
from napari_segment_anything.widgets.narrator import failure_message
from napari_segment_anything.widgets.plane import image_shape
from napari_segment_anything.widgets.time_files import SAVE_TRACKS, TimeFiles
from napari_segment_anything.widgets.time_form import TimeForm
from napari_segment_anything.widgets.time_reviews import TimeReviews
from napari_segment_anything.widgets.time_runs import TimeRuns

if TYPE_CHECKING:
    import napari

    from napari_segment_anything.widgets.time_corrector import TimeCorrector


class TimeDock(Dock):
    """Finds all objects of a movie, follows them, and lets a person correct it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the dock belongs to.
    """

    form: TimeForm

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer, TimeForm(viewer))
        self.runs = TimeRuns(viewer, self.workbench, self.form)
        self.worker = self.runs.worker
        self.reviews = TimeReviews(viewer, self.workbench, self.form, self.runs)
        self.steps = self.reviews.steps
        self.files = TimeFiles(self, self.runs)
        self.guard = CloseGuard(self.files.unsaved, self.files.save_first, SAVE_TRACKS)
        self.guard.watch(self)
        self._connect()
        self._on_model()
        self._on_image()
        if self.runs.is_busy:
            self.form.job.set_running(True)
            self.form.job.say(GOES_ON)
        self.reviews.take_offered()

    @property
    def corrector(self) -> TimeCorrector | None:
        """The tracks under review; None before there are any."""
        return self.reviews.corrector

    def let_go(self) -> None:
        """Run and correct nothing more."""
        self.worker.close()
        # Where Python collects all together, Qt may have deleted parts before.
        with contextlib.suppress(RuntimeError):
            self.runs.left.remove(self.runs)
        self.reviews.close()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Leave tracks and jobs to another dock when the window gives this one up."""
        super().changeEvent(event)
        # napari keeps a dock that somebody has closed, and opens another one.
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self.reviews.leave()
                self.runs.left.add(self.runs)
            else:
                self.runs.left.remove(self.runs)
                self.reviews.come_back()

    def _connect(self) -> None:
        form, review = self.form, self.form.review
        reviews, runs, left = self.reviews, self.runs, self.runs.left
        form.image.currentIndexChanged.connect(self._on_image)
        form.along.activated.connect(self._on_along)
        form.preview.clicked.connect(runs.try_some)
        form.track.clicked.connect(runs.track)
        form.job.cancel_button.clicked.connect(runs.cancel)
        runs.is_busy_changed.connect(form.job.set_running)
        runs.is_busy_changed.connect(self._refresh)
        for one in (self.worker, left):
            one.progressed.connect(form.job.show_progress)
        left.said.connect(form.job.say)
        left.failed.connect(self._tell_failure)
        runs.found.connect(reviews.review)
        reviews.changed.connect(self._refresh)
        for part in (runs, self.files, reviews):
            part.said.connect(form.job.say)
            part.failed.connect(self.say_failure)
        self.files.loaded.connect(reviews.review)
        self.workbench.model_changed.connect(self._on_model)
        self.workbench.axes_changed.connect(self._on_image)
        review.save.clicked.connect(lambda: self.files.save(self.corrector))
        review.load.clicked.connect(self.files.load)

    def _on_image(self) -> None:
        image = self.form.image.layer
        self.form.question.dismiss()
        letters, lengths = "", dict[str, int]()
        if image is not None:
            axes = self.workbench.axes_of(image)
            lengths = dict(zip(axes, image_shape(image), strict=True))
            letters = "".join(a for a in axes if a not in "CYX")
        self.form.set_axes(letters, lengths)
        self._refresh()

    def _on_along(self) -> None:
        image = self.form.image.layer
        if image is not None:
            axes = self.workbench.axes_of(image)
            self.form.set_along(dict(zip(axes, image_shape(image), strict=True)))

    def _tell_failure(self, error: Exception) -> None:
        """Say what has failed where somebody else has notified of it."""
        self.form.job.say(failure_message(error))

    def _on_model(self) -> None:
        self.form.model.setText(self.describe_model())

    def _refresh(self) -> None:
        form = self.form
        image = form.image.layer
        is_free = not self.runs.is_busy
        can_run = is_free and image is not None and form.along.count() > 0
        form.track.setEnabled(can_run)
        form.preview.setEnabled(can_run)
        self.steps.show_ready(is_free=is_free)
        form.review.load.setEnabled(can_run)
