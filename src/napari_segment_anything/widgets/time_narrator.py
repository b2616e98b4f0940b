"""What the dock *Time* says about tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Place
    from napari_segment_anything.tracking.recompute import Recomputed


_N_REPAIRS = 3


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
    words += f", locked in {n_locked} frames." if n_locked else "."
    if repairs:
        made = [f"{word} in {t} ({sure:.0%} sure)" for t, word, sure in repairs]
        more = f" and {len(made) - _N_REPAIRS} more" if len(made) > _N_REPAIRS else ""
        words += f" Repaired: {', '.join(made[:_N_REPAIRS])}{more}."
    return words


def describe_recomputed(place: Place, done: Recomputed) -> str:
    """Say what is locked now, and how much else changed."""
    frame, track = place
    n = len(done.correction.changes)
    words = f"Track {track} is locked in frame {frame}; "
    if n == 0:
        return f"{words}nothing else had to change."
    return f"{words}{n} frame{'s' if n != 1 else ''} around it changed."
