"""What a button of the review does with a track, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError
from napari_segment_anything.widgets.time_words import NO_FRAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Correction


@dataclass(frozen=True)
class TrackAction:
    """A correction as it was asked for; the sliders may have moved when it is made.

    Attributes
    ----------
    name : str
        Of its button.
    track : int
        The chosen track.
    other : int
        Another one that was clicked; 0 for none.
    frame : int or None
        Frame that was shown; None where it was no single one.
    """

    name: str
    track: int
    other: int = 0
    frame: int | None = None

    def step(self, tracks: EditableTracks) -> Correction:
        """Return the correction of tracks.

        Raises
        ------
        InvalidCorrectionError
            If the tracks do not allow it, or it is about a frame and none was shown.
        """
        if self.name in _WITHOUT_FRAME:
            return _WITHOUT_FRAME[self.name](tracks, self.track, self.other)
        if self.frame is None:
            raise InvalidCorrectionError(NO_FRAME)
        return _IN_FRAME[self.name](tracks, self.frame, self.track, self.other)


_WITHOUT_FRAME: dict[str, Callable[[EditableTracks, int, int], Correction]] = {
    "join": lambda tracks, track, other: tracks.join_in_order(track, other),
    "divide": lambda tracks, track, other: tracks.divide(track, [other]),
    "apart": lambda tracks, track, _: tracks.set_apart(track),
    "remove_all": lambda tracks, track, _: tracks.remove(track),
}
_IN_FRAME: dict[str, Callable[[EditableTracks, int, int, int], Correction]] = {
    "cut": lambda tracks, frame, track, _: tracks.cut(track, frame),
    "swap": lambda tracks, frame, track, other: tracks.swap(track, other, frame),
    "remove": lambda tracks, frame, track, _: tracks.remove(track, [frame]),
    "lock": lambda tracks, frame, track, _: tracks.lock([(frame, track)]),
}
