"""What buttons and keys of the review do with the tracks that are under review."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.time_narrator import BUSY, describe_track
from napari_segment_anything.widgets.time_review import CORRECTION_KEYS
from napari_segment_anything.widgets.time_words import worded

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer

    from napari_segment_anything.widgets.time_corrector import TimeCorrector
    from napari_segment_anything.widgets.time_review import TimeReview
    from napari_segment_anything.widgets.time_runs import TimeRuns


class ReviewSteps:
    """Joins the review list and its buttons with tracks, once there are any.

    Parameters
    ----------
    review : TimeReview
        The list and the buttons.
    runs : TimeRuns
        Loads a model before it is asked.

    Attributes
    ----------
    corrector : TimeCorrector or None
        The tracks under review.
    """

    def __init__(self, review: TimeReview, runs: TimeRuns) -> None:
        self.corrector: TimeCorrector | None = None
        self._review, self._runs = review, runs
        review.next.clicked.connect(lambda: self.step(1))
        review.accept.clicked.connect(self.accept)
        review.other.clicked.connect(self.take_other)
        review.list.itemClicked.connect(
            lambda _: self.go_to(self._review.list.currentRow())
        )
        for name, button in review.buttons.items():
            button.clicked.connect(partial(self.act, name))
        review.recompute.clicked.connect(self.recompute)
        review.prompt.clicked.connect(self.prompt)
        review.take.clicked.connect(self.take_outline)
        review.give_up.clicked.connect(self.give_up)
        review.undo.clicked.connect(self.undo)

    def keys(self) -> dict[str, Callable[[], None]]:
        """Return what each key does while the labels of the tracks are active."""
        return {
            keys.NEXT_KEY: lambda: self.step(1),
            keys.DOUBTFUL_KEY: lambda: self.step(1),
            keys.PREVIOUS_KEY: lambda: self.step(-1),
            keys.ACCEPT_KEY: self.accept,
            keys.SIZE_KEY: self.take_other,
            keys.OTHER_WAY_KEY: self.recompute,
            keys.BOX_KEY: self.prompt,
            keys.UNDO_KEY: self.undo,
            **{
                key: partial(self._act_if_chosen, name)
                for name, key in CORRECTION_KEYS.items()
            },
        }

    def bind_keys(self, layer: Layer) -> None:
        """Hear the keys while a layer of tracks is active."""
        # The layer's own undo knows nothing of tracks and what is locked.
        usual = {keys.USUAL_UNDO_KEY: self.undo}
        keys.bind_keys(layer, self.keys() | usual)

    def listen_to_paths(self, corrector: TimeCorrector) -> None:
        """Take clicks and keys on paths as those on labels."""
        paths = corrector.layers.tracks
        if paths is not None and corrector.picker.listen(paths):
            self.bind_keys(paths)

    def step(self, by: int) -> None:
        """Go to the next or the previous doubt."""
        if self.corrector is not None and self.corrector.tour.step(by) is not None:
            self._show_doubt()

    def go_to(self, row: int) -> None:
        """Go to a doubt of the list."""
        if self.corrector is not None and 0 <= row < len(self.corrector.tour.doubts):
            self.corrector.tour.go_to(row)
            self._show_doubt()

    def accept(self) -> None:
        """Take the doubt that is shown for right."""
        if self.corrector is not None:
            self.corrector.decisions.accept()

    def take_other(self) -> None:
        """Make the other reading of the doubt that is shown so."""
        if self.corrector is not None and self._is_free():
            self.corrector.decisions.take_other()

    def act(self, name: str) -> None:
        """Do what a button says with the chosen track."""
        if self.corrector is not None:
            self.corrector.act(name)

    def recompute(self) -> None:
        """Compute again what depends on the chosen object."""
        corrector = self.corrector
        if corrector is not None and corrector.selected:
            self._runs.with_model(corrector.recompute)

    def prompt(self) -> None:
        """Let clicks on this frame outline an object."""
        if self.corrector is not None:
            self._runs.with_model(self.corrector.prompts.begin)

    def take_outline(self) -> None:
        """Put the outlined object into its track."""
        if self.corrector is not None:
            self.corrector.prompts.accept()

    def give_up(self) -> None:
        """Remove what is drawn."""
        if self.corrector is not None:
            self.corrector.prompts.end()

    def undo(self) -> None:
        """Take the last correction back."""
        if self.corrector is not None and self._is_free():
            self.corrector.undo()

    def show(self) -> None:
        """Show doubts and the chosen track as they are now."""
        if self.corrector is None:
            self._review.show_doubts(())
            return
        doubts = self.corrector.tour.doubts
        if tuple(doubts) != self._review.doubts:
            self._review.show_doubts(doubts)
        self._tell_doubt()
        track = self.corrector.selected
        made = [one[1:] for one in self.corrector.shown.repairs if one[0] == track]
        words = describe_track(self.corrector.tracks, track, made)
        along = self.corrector.found.request.along
        self._review.selected.setText(worded(words, along))

    def show_ready(self, *, is_free: bool) -> None:
        """Enable what can be done now; nothing while a job runs."""
        corrector = self.corrector
        has_tracks = corrector is not None and is_free
        self._review.set_ready(
            has_tracks,
            corrector is not None and corrector.selected > 0,
            corrector is not None and corrector.can_undo and is_free,
        )
        prompts = None if corrector is None else corrector.prompts
        self._review.show_prompting(
            can_begin=has_tracks,
            is_open=prompts is not None and prompts.is_open,
            can_take=prompts is not None and prompts.session.can_accept,
        )

    def _is_free(self) -> bool:
        if self._runs.is_busy:
            self._runs.said.emit(BUSY)
        return not self._runs.is_busy

    def _act_if_chosen(self, name: str) -> None:
        if self._review.buttons[name].isEnabled():
            self.act(name)

    def _show_doubt(self) -> None:
        if self.corrector is not None:
            self.corrector.decisions.show_readings()
            self._tell_doubt()

    def _tell_doubt(self) -> None:
        """Say both readings of the doubt that is shown, as far as they are known."""
        if self.corrector is None or (doubt := self.corrector.tour.doubt) is None:
            return
        self._review.list.setCurrentRow(self.corrector.tour.at)
        self._review.show_detail(doubt, self.corrector.sight.readings.words)
