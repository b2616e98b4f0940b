"""The dock *Time*: everything mode through time, its review and its correction."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent

from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.tracking.words import describe
from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.dock import Dock
from napari_segment_anything.widgets.offered_tracks import OfferedTracks
from napari_segment_anything.widgets.plane import image_shape
from napari_segment_anything.widgets.time_corrector import TimeCorrector
from napari_segment_anything.widgets.time_files import TimeFiles
from napari_segment_anything.widgets.time_form import TimeForm
from napari_segment_anything.widgets.time_narrator import describe_found
from napari_segment_anything.widgets.time_runs import TimeRuns
from napari_segment_anything.widgets.time_steps import ReviewSteps
from napari_segment_anything.widgets.time_words import worded

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks


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
        self.steps = ReviewSteps(self.form.review, self.runs)
        self.files = TimeFiles(self, self.runs)
        self._viewer = viewer
        self._is_away = False
        self._connect()
        self._on_model()
        self._on_image()
        self._take_offered()

    @property
    def corrector(self) -> TimeCorrector | None:
        """The tracks under review; None before there are any."""
        return self.steps.corrector

    def let_go(self) -> None:
        """Run and correct nothing more."""
        self.worker.close()
        if self.corrector is not None:
            # Where Python collects all of them together, Qt may have deleted parts of
            # it before the dock.
            with contextlib.suppress(RuntimeError):
                self.corrector.close()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Leave tracks to another dock when the window gives this one up."""
        super().changeEvent(event)
        # napari keeps a dock that somebody has closed, and opens another one.
        if event.type() == QEvent.Type.ParentChange:
            self._is_away = self.parent() is None
            if self._is_away:
                self._leave_tracks()
            else:
                self._take_offered()

    def _connect(self) -> None:
        form, worker, review = self.form, self.worker, self.form.review
        form.image.currentIndexChanged.connect(self._on_image)
        form.along.activated.connect(self._on_along)
        form.preview.clicked.connect(self.runs.try_some)
        form.track.clicked.connect(self.runs.track)
        form.job.cancel_button.clicked.connect(worker.cancel)
        worker.is_busy_changed.connect(form.job.set_running)
        worker.is_busy_changed.connect(self._refresh)
        worker.progressed.connect(form.job.show_progress)
        self.runs.found.connect(self._review)
        for part in (self.runs, self.files):
            part.said.connect(form.job.say)
            part.failed.connect(self.say_failure)
        self.files.loaded.connect(self._review)
        self.workbench.model_changed.connect(self._on_model)
        self.workbench.axes_changed.connect(self._on_image)
        self.workbench.tracks_offered.connect(self._take_offered)
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

    def _take_offered(self) -> None:
        """Review what another dock has tracked, or left."""
        if self.worker.is_busy or self._is_away:
            return
        if self.corrector is not None and self.corrector.can_undo:
            self.form.job.say(
                "The new tracks are in their own layers; the review stays with those "
                "that you have corrected."
            )
            return
        if (offered := self.workbench.take_tracks()) is not None:
            layers, found = offered
            self.form.image.choose(layers.image)
            self._review(layers, found)
            self.form.job.say(describe_found(found))

    def _leave_tracks(self) -> None:
        """Offer the tracks under review, as they are now, to whoever comes."""
        if (corrector := self.corrector) is None:
            return
        corrector.close()
        self.steps.corrector = None
        found = replace(corrector.found, doubts=corrector.tour.doubts)
        self._offer(corrector.layers, found)
        self._refresh()

    def _offer(self, layers: TimeLayers, found: TimeTracks) -> None:
        self.workbench.offer_tracks(OfferedTracks(self._viewer, layers, found))

    def _review(self, layers: TimeLayers, found: TimeTracks) -> None:
        if self._is_away:
            self._offer(layers, found)
            return
        self._put_away(layers)
        layers.labels.refresh()
        corrector = TimeCorrector(
            self._viewer, self.workbench, layers, found, self.worker
        )
        corrector.said.connect(self._say_of_tracks)
        corrector.failed.connect(self._say_misfit)
        corrector.changed.connect(self._show_review)
        self.steps.corrector = corrector
        along, others = found.request.along, found.request.other_axes
        self.form.review.name_axes(along, others if len(found.movies) > 1 else "")
        if found.linking is not None:
            self.form.estimate.setText(worded(describe(found.linking), along))
            self.form.estimate.setVisible(True)
        self._bind_keys(layers.labels)
        corrector.shown.drawn.connect(self._listen_to_paths)
        self._viewer.layers.selection.active = layers.labels
        self._show_review()

    def _put_away(self, new: TimeLayers) -> None:
        """Hide tracks that were under review; a preview that was left as it is goes."""
        before = self.corrector
        if before is None:
            return
        before.close()
        is_wanted = before.can_undo or self.form.start_layer is before.layers.labels
        if before.layers.is_preview and not is_wanted:
            before.layers.remove()
        elif before.layers.image is new.image or not before.layers.image.visible:
            # Also where a projection has taken the place of the image.
            before.layers.hide()

    def _listen_to_paths(self) -> None:
        """Take clicks and keys on paths as those on labels."""
        if self.corrector is None or (paths := self.corrector.layers.tracks) is None:
            return
        if self.corrector.picker.listen(paths):
            self._bind_keys(paths)

    def _bind_keys(self, layer: Layer) -> None:
        # The layer's own undo knows nothing of tracks and what is locked.
        usual = {keys.USUAL_UNDO_KEY: self.steps.undo}
        keys.bind_keys(layer, self.steps.keys() | usual)

    def _say_of_tracks(self, text: str) -> None:
        if self.corrector is not None:
            self.form.job.say(worded(text, self.corrector.found.request.along))

    def _say_misfit(self, error: Exception) -> None:
        if isinstance(error, InvalidCorrectionError) and self.corrector is not None:
            along = self.corrector.found.request.along
            error = InvalidCorrectionError(worded(str(error), along))
        self.say_failure(error)

    def _show_review(self) -> None:
        self.steps.show()
        self._refresh()

    def _on_model(self) -> None:
        self.form.model.setText(self.describe_model())

    def _refresh(self) -> None:
        form = self.form
        image = form.image.layer
        is_free = not self.worker.is_busy
        can_run = is_free and image is not None and form.along.count() > 0
        form.track.setEnabled(can_run)
        form.preview.setEnabled(can_run)
        self.steps.show_ready(is_free=is_free)
        form.review.load.setEnabled(can_run)
