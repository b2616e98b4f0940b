"""Corrections that were carried out on tracks, to be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.errors import SegmentAnythingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Correction
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_tour import DoubtTour

    TakesBack = tuple[EditableTracks, Correction]


class CorrectionHistory:
    """Carries out corrections and takes them back, with the doubts of before.

    Parameters
    ----------
    tour : DoubtTour
        The review list.
    """

    def __init__(self, tour: DoubtTour) -> None:
        self._tour = tour
        self._done: list[_Done] = []

    def __len__(self) -> int:
        return len(self._done)

    def carry_out(
        self, tracks: EditableTracks, *steps: Callable[[], Correction]
    ) -> None:
        """Carry out corrections that belong together: all of them, or none.

        Parameters
        ----------
        tracks : EditableTracks
            What is corrected.
        *steps : callable
            Each returns a correction of the tracks as they are after those before.

        Raises
        ------
        SegmentAnythingError
            If one of them is not possible; the others have been taken back.
        """
        done: list[Correction] = []
        try:
            for step in steps:
                done.append(tracks.apply(step()))
        except SegmentAnythingError:
            for undo in reversed(done):
                tracks.apply(undo)
            raise
        self.note([(tracks, undo) for undo in done])

    def note(self, undo: Sequence[TakesBack]) -> None:
        """Remember what takes back something that is done already, as one step."""
        self._done.append(_Done(undo, list(self._tour.doubts), self._tour.at))

    def undo(self) -> bool:
        """Take the last corrections back; False if there are none.

        A doubt that they had settled is shown again.
        """
        if not self._done:
            return False
        done, tour = self._done.pop(), self._tour
        for tracks, step in reversed(done.undo):
            tracks.apply(step)
        is_back = done.at >= 0 and done.doubts[done.at] not in tour.doubts
        tour.doubts = done.doubts
        if is_back:
            tour.go_to(done.at)
        return True


@dataclass(frozen=True, eq=False)
class _Done:
    """What takes corrections back, and the review list as it was before."""

    undo: Sequence[TakesBack]
    doubts: list[Doubt]
    at: int
