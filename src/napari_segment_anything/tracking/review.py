"""What a person should look at, most doubtful first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.repair_settings import Repair
from napari_segment_anything.tracking.track import Track

# An object that keeps its area within this factor from one frame to the next is no
# surprise.
USUAL_GROWTH = 1.6
# A repaired mask that is surer than this needs no look.
USUAL_CONFIDENCE = 0.6


@dataclass(frozen=True)
class Doubt:
    """One thing that may be wrong.

    Attributes
    ----------
    frame : int
        Where to look.
    track : int
        Id of the track.
    reason : str
        In words, to be shown to a person.
    score : float
        0 (hardly doubtful) to 1.
    otherwise : str
        What it could be instead, and what to do then.
    position : tuple of int
        On the axes beside the tracked one, where a stack holds several movies.
    """

    frame: int
    track: int
    reason: str
    score: float
    otherwise: str = ""
    position: tuple[int, ...] = ()


def review(
    lineage: Lineage,
    objects: Sequence[FrameObjects],
    repairs: Mapping[tuple[int, int], Repair] | None = None,
) -> list[Doubt]:
    """List what is doubtful about a lineage, most doubtful first.

    Parameters
    ----------
    lineage : Lineage
        Tracks of the movie.
    objects : sequence of FrameObjects
        Measured objects of each frame.
    repairs : mapping of (frame, detection) to Repair, optional
        Masks that repair has made; the less sure, the more doubtful.
    """
    doubts: list[Doubt] = []
    for (frame, detection), made in (repairs or {}).items():
        if made.confidence < USUAL_CONFIDENCE:
            by = "from neighbours" if not made.by_model else "by the model"
            doubts.append(
                Doubt(
                    frame,
                    lineage.track_of(frame, detection),
                    f"was {made.word} {by}",
                    0.75 * (1 - made.confidence),
                    "Or it is not here, or looks different: paint or remove it.",
                )
            )
    for track in lineage.tracks:
        doubts += _doubts_of_ends(track, lineage, objects)
        doubts += _doubts_of_changes(track, objects)
    for parent, children in lineage.divisions:
        doubts.append(_doubt_of_division(parent, children, lineage, objects))
    return sorted(doubts, key=lambda d: (-d.score, d.frame, d.track))


def _doubts_of_ends(
    track: Track, lineage: Lineage, objects: Sequence[FrameObjects]
) -> list[Doubt]:
    """Births and ends inside the movie and away from the border."""
    doubts = []
    # What was seen only once is likelier a false detection than a cell.
    extra = 0.2 if len(track.frames) == 1 else 0.0
    starts_inside = track.start > 0 and not track.parent
    if starts_inside and not objects[track.start].is_at_border[track.detections[0]]:
        doubts.append(
            Doubt(
                track.start,
                track.id,
                "appears inside the movie",
                0.6 + extra,
                "Or it is the continuation or daughter of another track: join, divide.",
            )
        )
    ends_inside = track.end < len(objects) - 1 and track.id not in lineage.children
    if ends_inside and not objects[track.end].is_at_border[track.detections[-1]]:
        doubts.append(
            Doubt(
                track.end,
                track.id,
                "vanishes inside the movie",
                0.5,
                "Or it was missed afterwards, or goes on under another id: join.",
            )
        )
    return doubts


def _doubts_of_changes(track: Track, objects: Sequence[FrameObjects]) -> list[Doubt]:
    """Sudden changes of area, and gaps."""
    doubts = []
    areas = np.array([objects[t].areas[d] for t, d in track.nodes])
    change = np.abs(np.diff(np.log(areas)))
    for k in np.flatnonzero(change > np.log(USUAL_GROWTH)):
        score = float(1 - np.exp(-change[k]))
        doubts.append(
            Doubt(
                track.frames[k + 1],
                track.id,
                "changes its area suddenly",
                score,
                "Or the mask holds another object or only a part: paint, or cut here.",
            )
        )
    for k in np.flatnonzero(np.diff(track.frames) > 1):
        hidden = track.frames[k + 1] - track.frames[k] - 1
        score = min(0.3 + 0.15 * hidden, 1.0)
        doubts.append(
            Doubt(
                track.frames[k] + 1,
                track.id,
                "is hidden for a while",
                score,
                "Or another object comes back: cut where it does.",
            )
        )
    return doubts


def _doubt_of_division(
    parent: int,
    children: tuple[int, ...],
    lineage: Lineage,
    objects: Sequence[FrameObjects],
) -> Doubt:
    """Divisions with daughters unlike each other, or short-lived, are doubtful."""
    tracks = [lineage.by_id[child] for child in children]
    areas = [objects[t.start].areas[t.detections[0]] for t in tracks]
    unlike = 1 - min(areas) / max(areas)
    lasts = min(len(t.frames) for t in tracks)
    is_cut_off = any(t.end == len(objects) - 1 for t in tracks)
    short = 0.3 if lasts == 1 and not is_cut_off else 0.0
    score = float(min(0.2 + 0.5 * unlike + short, 1.0))
    return Doubt(
        tracks[0].start,
        parent,
        "divides",
        score,
        "Or one of the daughters is another object: set it apart.",
    )
