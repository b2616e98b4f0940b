"""Corrections that were carried out on tracks, to be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.errors import SegmentAnythingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Correction
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_tour import DoubtTour


class CorrectionHistory:
    """Carries out corrections and takes them back, with the doubts of before.

    Parameters
    ----------
    tour : DoubtTour
        The review list.
    """

    def __init__(self, tour: DoubtTour) -> None:
        self._tour = tour
        self._done: list[tuple[EditableTracks, list[Correction], list[Doubt]]] = []

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
        doubts = list(self._tour.doubts)
        done: list[Correction] = []
        try:
            for step in steps:
                done.append(tracks.apply(step()))
        except SegmentAnythingError:
            for undo in reversed(done):
                tracks.apply(undo)
            raise
        self._done.append((tracks, done, doubts))

    def undo(self) -> bool:
        """Take the last corrections back; False if there are none."""
        if not self._done:
            return False
        tracks, steps, self._tour.doubts = self._done.pop()
        for step in reversed(steps):
            tracks.apply(step)
        return True
