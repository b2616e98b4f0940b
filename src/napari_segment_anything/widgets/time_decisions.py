"""What a person decides about the doubt that is shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.widgets.keys import UNDO_KEY
from napari_segment_anything.widgets.time_narrator import BUSY, describe_accepted

if TYPE_CHECKING:
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_history import CorrectionHistory
    from napari_segment_anything.widgets.time_request import TimeTracks
    from napari_segment_anything.widgets.time_shown import ShownMovie
    from napari_segment_anything.widgets.time_sight import DoubtSight
    from napari_segment_anything.widgets.time_tour import DoubtTour


class DoubtDecisions(QObject):
    """Settles doubts: the place is right as it is, or its other reading is.

    Parameters
    ----------
    found : TimeTracks
        The tracks.
    tour : DoubtTour
        The review list.
    sight : DoubtSight
        Both readings of the doubt.
    shown : ShownMovie
        Which movie is shown.
    history : CorrectionHistory
        Carries out what is decided.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(
        self,
        found: TimeTracks,
        tour: DoubtTour,
        sight: DoubtSight,
        shown: ShownMovie,
        history: CorrectionHistory,
    ) -> None:
        super().__init__()
        self._found, self._tour, self._sight = found, tour, sight
        self._shown, self._history = shown, history
        self._is_resting = False

    def accept(self) -> None:
        """Take the doubt that is shown from the list: it is right, and locked."""
        if (doubt := self._tour.doubt) is None:
            return
        if self._history.is_busy:
            self.said.emit(BUSY)
            return
        tracks = self._found.movies[doubt.position]
        self._history.note([(tracks, tracks.apply(tracks.lock(())))])
        # Also where the object is hidden: nobody is to ask again.
        if doubt.track in tracks.tracks:
            tracks.locked = tracks.locked | {(doubt.frame, doubt.track)}
        self._go_on(doubt, describe_accepted(doubt))

    def take_other(self) -> None:
        """Make the other reading of the doubt that is shown the right one."""
        doubt, other = self._tour.doubt, self._sight.readings
        if doubt is None or not other.steps:
            return
        words = f"{other.words}: done. {UNDO_KEY}: undo."
        told = partial(self._go_on, doubt, words)
        self._history.carry_out(self._shown.tracks, *other.steps, then=told)

    def show_readings(self) -> None:
        """Look at both readings of the doubt that is shown, and draw them."""
        # Of labels that are being changed nothing is right.
        if self._history.is_busy or self._is_resting:
            self._sight.hide()
        else:
            self._sight.show()

    def rest(self) -> None:
        """Draw no readings until `resume`: other tracks are under review."""
        self._is_resting = True
        self._sight.hide()

    def resume(self) -> None:
        """Draw readings again."""
        self._is_resting = False
        self.show_readings()

    def _go_on(self, doubt: Doubt, words: str) -> None:
        """Take a doubt from the list; from the one that is shown go to the next one."""
        is_shown = self._tour.doubt is doubt
        self._tour.take(doubt)
        # Sliders belong to the tracks that are under review.
        if is_shown and not self._is_resting:
            self._tour.step(1)
        self.show_readings()
        self.changed.emit()
        self.said.emit(words)
