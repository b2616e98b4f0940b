"""What the dock *Time* says about tracks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from napari_segment_anything.widgets.keys import OTHER_WAY_KEY, UNDO_KEY
from napari_segment_anything.widgets.time_layers import why_no_paths
from napari_segment_anything.widgets.time_words import counted, worded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import Place, PlaneChange
    from napari_segment_anything.tracking.recompute import Recomputed
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_actions import TrackAction
    from napari_segment_anything.widgets.time_request import TimeTracks

BUSY = "Something else is running; wait for it or cancel it."

_N_REPAIRS = 3
_N_LISTED = 4

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


def describe_found(found: TimeTracks) -> str:
    """Say what a run has found; empty of tracks that were loaded."""
    if (result := found.result) is None:
        return ""
    words = (
        f"{counted(result.n_objects, 'object')} in "
        f"{counted(result.n_frames, 'frame')}, {counted(result.n_tracks, 'track')}, "
        f"{counted(result.n_divisions, 'division')}, "
        f"{counted(result.n_repaired, 'mask')} repaired. "
    )
    along = found.request.along
    return worded(words, along) + why_no_paths(found.request.axes, along)


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


def describe_correction(action: TrackAction, tracks: EditableTracks) -> str:
    """Say what a correction of tracks has done."""
    words = _CORRECTED[action.name]
    place = (action.frame, action.track)
    if action.name == "lock" and place not in tracks.locked:
        words = words.replace("locked", "unlocked")
    return f"{words.format(**asdict(action))} {UNDO_KEY}: undo."


def describe_accepted(doubt: Doubt) -> str:
    """Say that a doubt is settled."""
    return (
        f"Track {doubt.track} is right in frame {doubt.frame} and locked there. "
        f"{UNDO_KEY}: undo."
    )


def describe_painted(strokes: Mapping[Position, Sequence[PlaneChange]]) -> str:
    """Say what a stroke has done."""
    changes = [change for of_movie in strokes.values() for change in of_movie]
    ids = sorted({one for change in changes for one in change.ids.tolist()})
    frames = sorted({change.frame for change in changes})
    return (
        f"Painted on track{'s' if len(ids) != 1 else ''} {_listed(ids)} in frame"
        f"{'s' if len(frames) != 1 else ''} {_listed(frames)}; what is left of "
        f"{'them' if len(ids) != 1 else 'it'} there is locked. {UNDO_KEY}: undo."
    )


def _listed(numbers: Sequence[int]) -> str:
    shown = [str(number) for number in numbers[:_N_LISTED]]
    return ", ".join(shown) + (" …" if len(numbers) > _N_LISTED else "")


def describe_overtaken(place: Place) -> str:
    """Say why what was computed is not used."""
    frame, track = place
    return (
        f"What lies around track {track} in frame {frame} was changed meanwhile, and "
        f"that is kept. Choose the track there; {OTHER_WAY_KEY}: recompute."
    )


def describe_recomputed(place: Place, done: Recomputed) -> str:
    """Say what is locked now, and how much else changed."""
    frame, track = place
    n = len(done.correction.changes)
    words = f"Track {track} is locked in frame {frame}; "
    if n == 0:
        return f"{words}nothing else had to change."
    return f"{words}{n} frame{'s' if n != 1 else ''} around it changed."
