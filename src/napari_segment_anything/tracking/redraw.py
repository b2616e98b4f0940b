"""A mask that somebody has drawn or prompted takes its place in a track."""

import numpy as np
import numpy.typing as npt

from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import (
    Correction,
    InvalidCorrectionError,
)

Mask = npt.NDArray[np.bool_]

# Least intersection over union with the mask that it replaces, or with the object of a
# neighbouring frame that it goes on from.
SAME_OBJECT = 0.3


def redraw(tracks: EditableTracks, track: int, frame: int, mask: Mask) -> Correction:
    """Give a track another mask in one frame, and lock it.

    The mask takes pixels from other objects, except from locked ones.

    Parameters
    ----------
    tracks : EditableTracks
        What is corrected.
    track : int
        Id of a track, or a new one.
    frame : int
        Where.
    mask : (H, W) bool array
        The object.

    Raises
    ------
    InvalidCorrectionError
        If nothing of the mask is left beside locked objects, or the track divides
        before the frame or is born after it.
    """
    if track in tracks.tracks:
        _check_lineage(tracks, track, frame)
    plane = tracks.read(frame)
    locked = [one for t, one in tracks.locked if t == frame and one != track]
    free = mask & ~np.isin(plane, locked)
    if not free.any():
        raise InvalidCorrectionError(
            f"There is nothing to put into frame {frame}: locked objects cover the "
            "whole mask. Unlock them, or prompt another place."
        )
    after = np.where(plane == track, 0, plane)
    after[free] = track
    return tracks.replace({frame: after}, locked=[(frame, track)])


def owner_of(tracks: EditableTracks, frame: int, mask: Mask, chosen: int = 0) -> int:
    """Id of the track that a mask belongs to; a new one if to none.

    The track that somebody has chosen, unless it lies elsewhere in this frame. Else the
    object that is there already, or one of the frame before or after that is missed
    here, whichever is most alike.

    Parameters
    ----------
    tracks : EditableTracks
        The movie.
    frame : int
        Where the mask is.
    mask : (H, W) bool array
        The object.
    chosen : int
        Id of a track; 0 for none.
    """
    here = set(tracks.ids(frame).tolist())
    if chosen in tracks.tracks:
        is_elsewhere = chosen in here and not (tracks.read(frame)[mask] == chosen).any()
        if not is_elsewhere:
            return chosen
    found = _alike(tracks, frame, mask)
    for other in (frame - 1, frame + 1):
        if 0 <= other < tracks.n_frames:
            for one, overlap in _alike(tracks, other, mask).items():
                if one not in here and _may_be(tracks, one, frame):
                    found[one] = max(overlap, found.get(one, 0.0))
    return max(found, key=lambda one: found[one]) if found else tracks.new_id()


def _alike(tracks: EditableTracks, frame: int, mask: Mask) -> dict[int, float]:
    """Objects of a frame that may be a mask, and their overlap with it."""
    plane = tracks.read(frame)
    ids, shared = np.unique(plane[mask], return_counts=True)
    found = {}
    for one, pixels in zip(ids.tolist(), shared.tolist(), strict=True):
        union = np.count_nonzero(plane == one) + np.count_nonzero(mask) - pixels
        if one and pixels > SAME_OBJECT * union:
            found[int(one)] = pixels / union
    return found


def _may_be(tracks: EditableTracks, track: int, frame: int) -> bool:
    try:
        _check_lineage(tracks, track, frame)
    except InvalidCorrectionError:
        return False
    return True


def _check_lineage(tracks: EditableTracks, track: int, frame: int) -> None:
    """Refuse what would turn the order of a parent and its child around."""
    for child in tracks.children(track):
        start = tracks.frames_of(child)[0]
        if frame >= start:
            raise InvalidCorrectionError(
                f"Track {track} divides into {child} before frame {frame}. Choose a "
                "daughter, or set it apart first."
            )
    parent = tracks.parents.get(track)
    if parent is not None and frame <= tracks.frames_of(parent)[-1]:
        raise InvalidCorrectionError(
            f"Track {track} is born of {parent} after frame {frame}. Choose track "
            f"{parent}, or set {track} apart first."
        )
