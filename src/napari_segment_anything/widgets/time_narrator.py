"""What the dock *Time* says about tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Place
    from napari_segment_anything.tracking.recompute import Recomputed


def describe_track(tracks: EditableTracks, track: int) -> str:
    """Say which track is chosen; 0 is none."""
    if not track:
        return "Click an object to correct its track."
    frames = tracks.frames_of(track)
    words = f"Track {track}, frames {frames[0]} to {frames[-1]}"
    if parent := tracks.parents.get(track):
        words += f", from track {parent}"
    if children := tracks.children(track):
        words += f", divides into {' and '.join(map(str, children))}"
    n_locked = sum(one == track for _, one in tracks.locked)
    return f"{words}, locked in {n_locked} frames." if n_locked else f"{words}."


def describe_recomputed(place: Place, done: Recomputed) -> str:
    """Say what is locked now, and how much else changed."""
    frame, track = place
    n = len(done.correction.changes)
    words = f"Track {track} is locked in frame {frame}; "
    if n == 0:
        return f"{words}nothing else had to change."
    return f"{words}{n} frame{'s' if n != 1 else ''} around it changed."
