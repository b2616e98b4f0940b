"""What the dock *Time* says about tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.widgets.keys import UNDO_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Place
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.widgets.time_shown import ShownMovie


_N_REPAIRS = 3

_CORRECTED = {
    "cut": "Track {track} ends before frame {frame}; the rest has a new id.",
    "join": "Tracks {track} and {other} are one track.",
    "divide": "Track {other} is a daughter of track {track}.",
    "apart": "Track {track} has no parent.",
    "swap": "Tracks {track} and {other} go on as each other from frame {frame} on.",
    "remove": "Track {track} is removed from frame {frame}.",
    "remove_all": "Track {track} is removed.",
    "lock": "Track {track} is locked in frame {frame}.",
}


def describe_track(
    tracks: EditableTracks,
    track: int,
    repairs: Sequence[tuple[int, str, float]] = (),
) -> str:
    """Say which track is chosen, and which of its masks repair has made.

    Parameters
    ----------
    tracks : EditableTracks
        Of the movie that is shown.
    track : int
        Id; 0 for none.
    repairs : sequence of (frame, word, confidence)
        Its repaired masks.
    """
    if not track:
        return "Click an object to correct its track."
    frames = tracks.frames_of(track)
    words = f"Track {track}, frames {frames[0]} to {frames[-1]}"
    if parent := tracks.parents.get(track):
        words += f", from track {parent}"
    if children := tracks.children(track):
        words += f", divides into {' and '.join(map(str, children))}"
    n_locked = sum(one == track for _, one in tracks.locked)
    if n_locked:
        words += f", locked in {n_locked} frame{'s' if n_locked != 1 else ''}"
    words += "."
    if repairs:
        made = [f"{word} in {t} ({sure:.0%} sure)" for t, word, sure in repairs]
        more = f" and {len(made) - _N_REPAIRS} more" if len(made) > _N_REPAIRS else ""
        words += f" Repaired: {', '.join(made[:_N_REPAIRS])}{more}."
    return words


def describe_correction(
    name: str, shown: ShownMovie, track: int, other: int = 0
) -> str:
    """Say what a correction has done.

    Parameters
    ----------
    name : str
        Of its button.
    shown : ShownMovie
        The movie and frame that are shown.
    track, other : int
        The tracks it is about.
    """
    words = _CORRECTED[name]
    if name == "lock" and (shown.frame, track) not in shown.tracks.locked:
        words = words.replace("locked", "unlocked")
    frame = shown.frame if "{frame}" in words else 0
    return f"{words.format(track=track, other=other, frame=frame)} {UNDO_KEY}: undo."


def describe_recomputed(place: Place, done: Recomputed) -> str:
    """Say what is locked now, and how much else changed."""
    frame, track = place
    n = len(done.correction.changes)
    words = f"Track {track} is locked in frame {frame}; "
    if n == 0:
        return f"{words}nothing else had to change."
    return f"{words}{n} frame{'s' if n != 1 else ''} around it changed."
