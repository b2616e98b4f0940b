"""The other reading of a doubtful place: what it could be, and how to make it so."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_segment_anything.tracking.correction import EditableTracks, Step
from napari_segment_anything.tracking.correction_steps import Correction
from napari_segment_anything.tracking.review import Doubt

Point = npt.NDArray[np.float64]

# A track that ended or starts within these frames and diameters may be the same one.
N_FRAMES = 3
N_DIAMETERS = 2.0


@dataclass(frozen=True, eq=False)
class Readings:
    """Both readings of a doubt.

    Attributes
    ----------
    as_read : tuple of ((y, x), (y, x)) arrays
        Lines from where the object was to where it is said to be, pixels.
    otherwise : tuple of ((y, x), (y, x)) arrays
        Lines of the other reading.
    words : str
        What taking the other reading does; empty where there is none.
    steps : tuple of callable
        Corrections that make it so, one after the other.
    """

    as_read: tuple[tuple[Point, Point], ...] = ()
    otherwise: tuple[tuple[Point, Point], ...] = ()
    words: str = ""
    steps: tuple[Step, ...] = ()


def readings_of(tracks: EditableTracks, doubt: Doubt) -> Readings:
    """Find both readings of a doubt in the tracks as they are now."""
    track, frame = doubt.track, doubt.frame
    if track not in tracks.tracks:
        return Readings()
    frames = tracks.frames_of(track)
    if "appears" in doubt.reason:
        return _of_start(tracks, track)
    if "vanishes" in doubt.reason:
        return _of_end(tracks, track)
    if "divides" in doubt.reason:
        return _of_division(tracks, track)
    earlier = [t for t in frames if t < frame]
    as_read: tuple[tuple[Point, Point], ...] = ()
    later = [t for t in frames if t >= frame]
    if earlier and later:
        as_read = ((_at(tracks, earlier[-1], track), _at(tracks, later[0], track)),)
    if doubt.reason.startswith("was "):
        return Readings(
            as_read,
            words=f"Remove track {track} from this frame",
            steps=(lambda them: them.remove(track, [frame]),),
        )
    if earlier and later:
        return Readings(
            as_read,
            words=f"Cut track {track} in frame {later[0]}",
            steps=(lambda them: them.cut(track, later[0]),),
        )
    return Readings(as_read)


def _of_start(tracks: EditableTracks, track: int) -> Readings:
    """Let a track that starts go on from one that ended, or be a daughter."""
    start = tracks.frames_of(track)[0]
    here = _at(tracks, start, track)
    reach = N_DIAMETERS * _diameter(tracks, start, track)
    found: list[tuple[float, int, Point, bool]] = []
    for t in range(max(start - N_FRAMES, 0), start):
        for one, centre in _centres(tracks, t).items():
            ends = tracks.frames_of(one)[-1] == t and not tracks.children(one)
            goes_on = t == start - 1 and start in tracks.frames_of(one)
            distance = float(np.hypot(*(centre - here)))
            if distance <= reach and one != track and (ends or goes_on):
                # What has ended is the likelier one.
                found.append((distance + reach * goes_on, one, centre, ends))
    if not found:
        return Readings()
    _, other, centre, ends = min(found, key=lambda one: one[:2])
    line = ((centre, here),)
    if ends:
        return Readings(
            otherwise=line,
            words=f"Join it with track {other}",
            steps=(lambda them: them.join(other, track),),
        )
    sister = _at(tracks, start, other)

    def divide(them: EditableTracks) -> Correction:
        # Cutting has named the rest of the mother, which starts where she ended.
        rest = max(one for one in them.tracks if them.frames_of(one)[0] == start)
        return them.divide(other, [rest, track])

    return Readings(
        as_read=((centre, sister),),
        otherwise=line,
        words=f"Make it a daughter of track {other}",
        steps=(lambda them: them.cut(other, start), divide),
    )


def _of_end(tracks: EditableTracks, track: int) -> Readings:
    """Let a track that ends go on as one that starts later."""
    end = tracks.frames_of(track)[-1]
    here = _at(tracks, end, track)
    reach = N_DIAMETERS * _diameter(tracks, end, track)
    found: list[tuple[float, int, Point]] = []
    for t in range(end + 1, min(end + 1 + N_FRAMES, tracks.n_frames)):
        for one, centre in _centres(tracks, t).items():
            distance = float(np.hypot(*(centre - here)))
            starts = tracks.frames_of(one)[0] == t and one not in tracks.parents
            if distance <= reach and starts:
                found.append((distance, one, centre))
    if not found:
        return Readings()
    _, other, centre = min(found, key=lambda one: one[:2])
    return Readings(
        otherwise=((here, centre),),
        words=f"Join it with track {other}",
        steps=(lambda them: them.join(track, other),),
    )


def _of_division(tracks: EditableTracks, track: int) -> Readings:
    """Let the daughter that is less like the mother be another object."""
    children = tracks.children(track)
    if len(children) != 2:
        return Readings()
    end = tracks.frames_of(track)[-1]
    here, area = _at(tracks, end, track), _area(tracks, end, track)

    def unlike(child: int) -> float:
        start = tracks.frames_of(child)[0]
        way = np.hypot(*(_at(tracks, start, child) - here))
        change = abs(np.log(_area(tracks, start, child) / area))
        return float(way / _diameter(tracks, end, track) + change)

    same, other = sorted(children, key=unlike)
    lines = {
        child: (here, _at(tracks, tracks.frames_of(child)[0], child))
        for child in children
    }
    return Readings(
        as_read=(lines[same], lines[other]),
        otherwise=(lines[same],),
        words=f"Set track {other} apart; track {track} goes on as track {same}",
        steps=(
            lambda them: them.set_apart(other),
            lambda them: them.join(track, same),
        ),
    )


def _centres(tracks: EditableTracks, frame: int) -> dict[int, Point]:
    plane, ids = tracks.read(frame), tracks.ids(frame)
    centres = ndimage.center_of_mass(plane > 0, plane, ids) if len(ids) else []
    return {
        int(one): np.asarray(centre) for one, centre in zip(ids, centres, strict=True)
    }


def _at(tracks: EditableTracks, frame: int, track: int) -> Point:
    centre: Point = np.argwhere(tracks.read(frame) == track).mean(axis=0)
    return centre


def _area(tracks: EditableTracks, frame: int, track: int) -> int:
    return int(np.count_nonzero(tracks.read(frame) == track))


def _diameter(tracks: EditableTracks, frame: int, track: int) -> float:
    return float(np.sqrt(4 * _area(tracks, frame, track) / np.pi))
