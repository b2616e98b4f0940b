"""Filters what everything mode found as sliders move, without the model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.widgets.narrator import count_objects
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    from napari_segment_anything.session.review import Candidates, Passing
    from napari_segment_anything.widgets.annotator import Annotator
    from napari_segment_anything.widgets.review_form import ReviewForm


class Reviewer(QObject):
    """Joins the sliders with the objects of the plane that is shown.

    Parameters
    ----------
    form : ReviewForm
        The sliders.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(self, form: ReviewForm) -> None:
        super().__init__()
        self._form = form
        self._annotator: Annotator | None = None
        self._is_filling = False
        # What sliders filter, or did at last.
        self._filtered: Candidates | None = None
        self._worker = LatestWorker(self)
        self._worker.finished.connect(self._on_passing)
        self._worker.failed.connect(self.failed)
        form.changed.connect(self._filter)
        form.next.clicked.connect(self._walk)

    @property
    def is_busy(self) -> bool:
        """Whether candidates are being filtered, or a slider has moved on since."""
        return self._is_filling or self._worker.is_busy or self._worker.has_waiting

    def refresh(self, annotator: Annotator | None) -> None:
        """Show what passes on the plane that is shown."""
        if annotator is not self._annotator:
            self._filtered = None
        self._annotator = annotator
        candidates = self._candidates()
        chosen = None
        if annotator is not None and candidates is not None and not self.is_busy:
            chosen = annotator.session.filter_on(candidates.plane)
        if chosen is not None and candidates is not None:
            self._form.show_filter(chosen, candidates.largest)
        elif not self.is_busy:
            self._form.show_filter(None, 1)
        self._form.next.setEnabled(
            annotator is not None and annotator.session.objects.has_doubtful
        )

    def undo(self) -> None:
        """Take the newest step back, and with it what sliders ask for at the moment.

        Otherwise their outcome would come after the undoing, and undo it.
        """
        annotator, candidates = self._annotator, self._filtered
        if annotator is None:
            return
        is_pending = self.is_busy
        self._worker.drop()
        if is_pending and candidates is not None:
            plane = candidates.plane
            base = annotator.editor.objects.base_filter(plane)
            # Sliders that moved before are the same step, and done already.
            if base == annotator.session.filter_on(plane):
                self.refresh(annotator)
                self.said.emit("Undone: filter.")
                return
        annotator.undo()

    def close(self) -> None:
        """Filter nothing more."""
        self._worker.close()

    def _candidates(self) -> Candidates | None:
        annotator = self._annotator
        plane = annotator.layers.plane if annotator is not None else None
        if annotator is None or plane is None:
            return None
        return annotator.reviser.found.get(plane)

    def _filter(self) -> None:
        candidates = self._candidates()
        if candidates is not None and self._annotator is not None:
            before = self._annotator.editor.objects.base_filter(candidates.plane)
            chosen = self._form.chosen
            self._filtered = candidates
            self._worker.submit(partial(candidates.passing, chosen, before))

    def _on_passing(self, passing: Passing) -> None:
        if self._annotator is not None:
            # To change objects would end a box that is being dragged.
            prompts = self._annotator.layers.prompts
            prompts.when_finished(partial(self._fill, passing))

    def _fill(self, passing: Passing) -> None:
        annotator, plane = self._annotator, passing.candidates.plane
        if annotator is None:
            return
        if annotator.reviser.found.get(plane) is not passing.candidates:
            return
        shown = annotator.layers.plane
        # Sliders that are being dragged must not be set to what they were.
        self._is_filling = True
        try:
            annotator.editor.objects.fill(passing, annotator.acceptance.class_id)
        finally:
            self._is_filling = False
        place = "this plane"
        if shown != plane:
            # The user has moved on since, and stays there.
            place = plane.describe()
            if shown is not None:
                annotator.layers.go_to(shown)
        self.refresh(annotator)
        n_found = len(annotator.session.objects.on(plane))
        self.said.emit(f"{count_objects(n_found)} on {place}.")

    def _walk(self) -> None:
        if self._annotator is not None:
            self._annotator.reviser.walk_doubtful()
