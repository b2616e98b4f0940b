"""All tracks that the dock *Time* reviews, one of them at a time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.tracking.words import describe
from napari_segment_anything.widgets.left_tracks import LeftTracks
from napari_segment_anything.widgets.offered_tracks import OfferedTracks
from napari_segment_anything.widgets.time_corrector import TimeCorrector
from napari_segment_anything.widgets.time_narrator import describe_found
from napari_segment_anything.widgets.time_steps import ReviewSteps
from napari_segment_anything.widgets.time_words import worded

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_segment_anything.widgets.time_form import TimeForm
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_runs import TimeRuns
    from napari_segment_anything.widgets.workbench import Workbench

_THERE_ARE_NEW = (
    "There are new tracks: choose “{}” under “Tracks”, or its layer, to review them. "
    "Until then the review stays with those at hand."
)
_STILL_CORRECTED = (
    "Corrections from before the dock was closed are still being made; then their "
    "tracks come up here."
)


class TimeReviews(QObject):
    """Keeps the review of all tracks; shows those whose layer is the active one.

    Parameters
    ----------
    viewer : ViewerModel
        Where the tracks are seen.
    workbench : Workbench
        Where tracks are offered; what is left when the dock is closed is, too.
    form : TimeForm
        Shows the review.
    runs : TimeRuns
        Run what is computed again.
    """

    changed = Signal()
    """Other tracks are under review, or something about them is different."""

    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self, viewer: ViewerModel, workbench: Workbench, form: TimeForm, runs: TimeRuns
    ) -> None:
        super().__init__()
        self.steps = ReviewSteps(form.review, runs)
        self._viewer, self._bench = viewer, workbench
        self._form, self._runs = form, runs
        self._correctors: list[TimeCorrector] = []
        self._left: list[LeftTracks] = []
        self._is_away = False
        # Layers that are added are the active one for a moment.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._catch_up)
        viewer.layers.selection.events.active.connect(self._look_later)
        viewer.layers.events.removed.connect(self._look_later)
        workbench.tracks_offered.connect(self.take_offered)
        runs.worker.is_busy_changed.connect(self._look_later)
        form.review.which.activated.connect(self._on_chosen)

    @property
    def corrector(self) -> TimeCorrector | None:
        """The tracks under review; None before there are any."""
        return self.steps.corrector

    def review(self, layers: TimeLayers, found: TimeTracks) -> None:
        """Review what was found or loaded; a preview left as it was gives way."""
        if self._is_away:
            self._bench.offer_tracks(OfferedTracks(self._viewer, layers, found))
            return
        start = self._form.start_layer
        for before in list(self._correctors):
            is_wanted = before.can_undo or start is before.layers.labels
            if before.layers.is_preview and not is_wanted:
                self._drop(before)
                before.layers.remove()
        self._show(self._added(layers, found))

    def take_offered(self) -> None:
        """Review what another dock has tracked, or left."""
        if self._runs.worker.is_busy or self._is_away:
            return
        active, chosen = self._viewer.layers.selection.active, self.corrector
        waiting: TimeCorrector | None = None
        while (offered := self._bench.take_tracks()) is not None:
            corrector = self._added(*offered)
            # Whoever is at work on tracks goes on with them.
            if chosen is None or not chosen.owns(active):
                chosen = corrector
            else:
                waiting = corrector
        if chosen is not None and chosen is not self.corrector:
            self._form.image.choose(chosen.layers.image)
            self._show(chosen)
            self.said.emit(describe_found(chosen.found))
        elif waiting is not None:
            self._on_changed()
            self.said.emit(_THERE_ARE_NEW.format(waiting.layers.labels.name))
        elif chosen is None and self._bench.are_tracks_awaited:
            self.said.emit(_STILL_CORRECTED)

    def every(self) -> list[TimeCorrector | None]:
        """Return all tracks, also those that wait for another dock."""
        return [*self._correctors, *(one.corrector for one in self._left)]

    def leave(self) -> None:
        """Offer all tracks to whoever comes, once what was asked for is done."""
        self._is_away = True
        self._drop_removed()
        # Those under review are taken last, and so come up again.
        every = sorted(self._correctors, key=lambda one: one is self.corrector)
        self._correctors, self.steps.corrector = [], None
        for corrector in every:
            self._left.append(left := LeftTracks(self._viewer, corrector, self._runs))
            left.ready.connect(self._bench.tracks_offered)
            self._bench.offer_tracks(left)
        self._form.review.show_tracks([], -1)
        self.changed.emit()

    def come_back(self) -> None:
        """Review again what is offered."""
        self._is_away = False
        self.take_offered()

    def close(self) -> None:
        """Review and correct nothing more: what is offered is for other docks."""
        self._is_away = True
        self._viewer.layers.selection.events.active.disconnect(self._look_later)
        self._viewer.layers.events.removed.disconnect(self._look_later)
        parts: list[TimeCorrector | LeftTracks] = [*self._correctors, *self._left]
        for end in (*(one.close for one in parts), self._later.stop):
            # Where Python collects all together, Qt may have deleted parts before.
            with contextlib.suppress(RuntimeError):
                end()
        self._correctors, self._left = [], []

    def _added(self, layers: TimeLayers, found: TimeTracks) -> TimeCorrector:
        layers.labels.refresh()
        corrector = TimeCorrector(
            self._viewer, self._bench, layers, found, self._runs.worker
        )
        corrector.rest()
        corrector.said.connect(self.said)
        corrector.failed.connect(self.failed)
        corrector.changed.connect(self._on_changed)
        self.steps.bind_keys(layers.labels)
        self._correctors.append(corrector)
        return corrector

    def _show(self, corrector: TimeCorrector) -> None:
        """Review tracks, and hide others of their image."""
        for other in self._correctors:
            image = other.layers.image
            # Also where a projection has taken the place of the image.
            is_hidden = image is corrector.layers.image or not image.visible
            if is_hidden and other is not corrector:
                other.layers.show(is_visible=False)
        self._viewer.layers.selection.active = corrector.layers.labels
        self._choose(corrector)

    def _choose(self, corrector: TimeCorrector) -> None:
        """Review tracks, and leave layers as they are."""
        if self.corrector is not None:
            self.corrector.rest()
        self.steps.corrector = corrector
        found, form = corrector.found, self._form
        along, others = found.request.along, found.request.other_axes
        form.review.name_axes(along, others if len(found.movies) > 1 else "")
        # Also where the same is doubtful: which place is shown is another matter.
        form.review.show_doubts(corrector.tour.doubts)
        form.estimate.setVisible(found.linking is not None)
        if found.linking is not None:
            form.estimate.setText(worded(describe(found.linking), along))
        corrector.decisions.resume()
        self._on_changed()

    def _on_changed(self) -> None:
        if self._is_away:
            return
        for one in self._correctors:
            self.steps.listen_to_paths(one)
        names = [one.layers.labels.name for one in self._correctors]
        at = self._correctors.index(self.corrector) if self.corrector else -1
        self._form.review.show_tracks(names, at)
        self.steps.show()
        self.changed.emit()

    def _on_chosen(self, number: int) -> None:
        corrector = self._correctors[number]
        corrector.layers.show()
        self._show(corrector)

    def _look_later(self) -> None:
        self._later.start()

    def _catch_up(self) -> None:
        """Follow the layers of the viewer, and take what was offered meanwhile."""
        active = self._viewer.layers.selection.active
        for one in list(self._correctors):
            if one is not self.corrector and one.owns(active):
                self._choose(one)
        if self._drop_removed():
            if self.corrector is None and self._correctors:
                self._choose(self._correctors[-1])
            self._on_changed()
        self.take_offered()

    def _drop_removed(self) -> bool:
        """Give up tracks whose labels somebody has removed; tell if there were any."""
        n_before = len(self._correctors)
        for one in [one for one in self._correctors if not one.layers.is_there]:
            self._drop(one)
        return len(self._correctors) < n_before

    def _drop(self, corrector: TimeCorrector) -> None:
        corrector.close()
        self._correctors.remove(corrector)
        if self.steps.corrector is corrector:
            self.steps.corrector = None
