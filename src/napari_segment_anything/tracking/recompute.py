"""What a correction influences is computed again; everything else stays."""

import itertools
from collections import Counter
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import Correction, Labels, Place
from napari_segment_anything.tracking.known import Known, Node
from napari_segment_anything.tracking.paint import paint_tracks
from napari_segment_anything.tracking.propagation import TrackingResult, track_masks
from napari_segment_anything.tracking.reach import Reach
from napari_segment_anything.tracking.repair_settings import (
    FramePredictor,
    RepairedMask,
)
from napari_segment_anything.tracking.review import Doubt
from napari_segment_anything.tracking.settings import LinkingSettings

# A correction matters for links as far as they reach.
REACH_FRAMES = 4


@dataclass(frozen=True, eq=False)
class Recomputed:
    """What came out of computing a few frames again.

    Attributes
    ----------
    correction : Correction
        To be applied to the tracks.
    frames : range
        The frames that were looked at.
    doubts : list of Doubt
        What is doubtful in these frames now.
    touched : frozenset of (frame, id)
        Objects that have another mask than before, or whose track has another parent.
    repaired : tuple of RepairedMask
        Masks that repair has made.
    """

    correction: Correction
    frames: range
    doubts: list[Doubt]
    touched: frozenset[Place] = frozenset()
    repaired: tuple[RepairedMask, ...] = ()

    def renewed(
        self, before: Sequence[Doubt], locked: Collection[Place]
    ) -> list[Doubt]:
        """Review list of the movie after the correction, the worst first.

        What was said about tracks that have not changed stays: of masks that repair has
        made long ago nobody knows any more how sure they were.

        Parameters
        ----------
        before : sequence of Doubt
            The list as it was.
        locked : collection of (frame, id)
            Objects that are right.
        """
        inside = set(self.frames[1:-1])
        changed = {track for _, track in self.touched}

        def holds(doubt: Doubt) -> bool:
            place = (doubt.frame, doubt.track)
            if doubt.frame not in inside or doubt.track not in changed:
                return place not in locked
            is_of_mask = doubt.reason.startswith("was ")
            return is_of_mask and place not in self.touched and place not in locked

        kept = [doubt for doubt in before if holds(doubt)]
        known = {(d.frame, d.track, d.reason) for d in kept}
        new = [
            doubt
            for doubt in self.doubts
            if doubt.frame in inside
            and (doubt.frame, doubt.track) not in locked
            and doubt.track in changed
            and (doubt.frame, doubt.track, doubt.reason) not in known
        ]
        return sorted(kept + new, key=lambda doubt: -doubt.score)


def recompute(
    tracks: EditableTracks,
    place: Place,
    predictor: FramePredictor | None,
    *,
    settings: LinkingSettings | None = None,
    locked_frames: Collection[int] = (),
    followed: range | None = None,
) -> Generator[tuple[str, int, int], None, Recomputed]:
    """Compute again what depends on one corrected object.

    Parameters
    ----------
    tracks : EditableTracks
        With the correction applied. The object is taken for right.
    place : (frame, id)
        The corrected object.
    predictor : FramePredictor or None
        Asked where tracks break.
    settings : LinkingSettings, optional
        Of the whole movie; otherwise estimated from these few frames.
    locked_frames : collection of int
        Frames in which nothing is changed.
    followed : range, optional
        Frames that objects were followed in, by default all: no other is looked at.

    Yields
    ------
    (stage, done, total)
        As `track_masks` does; closing the generator cancels.
    """
    frame, track = place
    whole = range(tracks.n_frames) if followed is None else followed
    if frame not in whole:
        whole = range(frame, frame + 1)
    first = max(frame - REACH_FRAMES, whole[0])
    last = min(frame + REACH_FRAMES, whole[-1])
    window = range(first, last + 1)
    planes = [tracks.read(t) for t in window]
    ids = [np.unique(plane[plane > 0]) for plane in planes]
    frames = [
        MaskSet.from_labels(plane) if len(of_frame) else MaskSet.empty(plane.shape)
        for plane, of_frame in zip(planes, ids, strict=True)
    ]
    at = frame - first
    reach = Reach(at, _centre(frames[at], ids[at], track))
    known = _known(tracks, window, frames, ids, (at, track), reach)
    # At its ends the window meets frames that are not looked at.
    ends = {0} if first > whole[0] else set[int]()
    ends |= {len(window) - 1} if last < whole[-1] else set()
    ends |= {t - first for t in locked_frames if t in window}
    known = replace(known, frames=frozenset(ends))
    shifted = None if predictor is None else _Shifted(predictor, first)
    result = yield from track_masks(frames, shifted, settings, known=known, reach=reach)
    return _as_correction(tracks, window, result, starts_before=first > whole[0])


def _known(
    tracks: EditableTracks,
    window: range,
    frames: Sequence[MaskSet],
    ids: Sequence[Labels],
    place: Place,
    reach: Reach,
) -> Known:
    """Everything is known but what lies near the corrected object and is not locked."""
    by_id: dict[int, list[Node]] = {}
    objects: set[Node] = set()
    kept: dict[Node, int] = {}
    for t, of_frame in enumerate(ids):
        is_near = reach.holds(t, frames[t])
        for k, one in enumerate(of_frame.tolist()):
            is_locked = (window[t], one) in tracks.locked or (t, one) == place
            if not is_near[k] or is_locked or t in (0, len(window) - 1):
                objects.add((t, k))
                kept[t, k] = one
                by_id.setdefault(one, []).append((t, k))
    links = set()
    for nodes in by_id.values():
        for before, after in itertools.pairwise(nodes):
            is_seen_between = any(
                ids[before[0]][before[1]] in ids[t]
                for t in range(before[0] + 1, after[0])
            )
            if not is_seen_between:
                links.add((before, after))
    for parent in set(tracks.parents.values()) & by_id.keys():
        last = by_id[parent][-1]
        firsts = [by_id[c][0] for c in tracks.children(parent) if c in by_id]
        starts = [tracks.frames_of(child)[0] for child in tracks.children(parent)]
        # Nothing else may follow a mask whose successors are known: all of them must.
        if window[last[0]] == tracks.frames_of(parent)[-1] and (
            [window[first[0]] for first in firsts] == starts
        ):
            links |= {(last, first) for first in firsts}
    return Known(objects=frozenset(objects), ids=kept, links=frozenset(links))


def _centre(masks: MaskSet, ids: Labels, track: int) -> np.ndarray:
    found = np.flatnonzero(ids == track)
    if len(found) == 0:
        return np.full(2, np.inf)
    return np.asarray(masks.centroids[found[0]])


def _as_correction(
    tracks: EditableTracks,
    window: range,
    result: TrackingResult,
    *,
    starts_before: bool,
) -> Recomputed:
    """Name new tracks so that they meet no other, and keep what lies outside."""
    known = set(result.known.ids.values())
    next_id = max([tracks.new_id(), *(one + 1 for one in known)])
    names: dict[int, int] = {}
    for one in result.lineage.tracks:
        if one.id in known:
            names[one.id] = one.id
        else:
            names[one.id], next_id = next_id, next_id + 1
    planes = {}
    for t, masks in enumerate(result.frames):
        numbers = [names[result.lineage.track_of(t, k)] for k in range(len(masks))]
        planes[window[t]] = paint_tracks(masks, numbers)
    parents = dict(tracks.parents)
    for one in result.lineage.tracks:
        starts_here = one.start > 0 or not starts_before
        if starts_here and not any(
            t < window[0] for t in _frames_of(tracks, names[one.id])
        ):
            parents.pop(names[one.id], None)
            if one.parent and names[one.id] not in tracks.apart:
                parents[names[one.id]] = names[one.parent]
    doubts = [
        replace(d, frame=window[d.frame], track=names.get(d.track, d.track))
        for d in result.doubts
    ]
    # Daughters that a person has set apart make no division.
    n_daughters = Counter(parents.values())
    doubts = [
        d for d in doubts if "divides" not in d.reason or n_daughters[d.track] > 1
    ]
    correction = tracks.replace(planes, parents)
    touched = _touched(tracks, correction, window)
    repaired = tuple(
        RepairedMask.of(window[t], result.frames[t], k, repair)
        for (t, k), repair in result.repairs.items()
    )
    return Recomputed(correction, window, doubts, touched, repaired)


def _touched(
    tracks: EditableTracks, correction: Correction, window: range
) -> frozenset[Place]:
    """Objects whose pixels a correction changes, and those of tracks it adopts."""
    places = {
        (change.frame, one)
        for change in correction.changes
        for one in change.ids.tolist()
    }
    old, new = tracks.parents, correction.parents
    adopted = {c for c in {*old, *new} if old.get(c) != new.get(c)}
    adopted |= {p for c in adopted for p in (old.get(c), new.get(c)) if p is not None}
    return frozenset(places | {(t, one) for one in adopted for t in window})


def _frames_of(tracks: EditableTracks, track: int) -> list[int]:
    return tracks.frames_of(track) if track in tracks.tracks else []


@dataclass(frozen=True)
class _Shifted:
    """A predictor of a movie, asked by positions in a part of it."""

    predictor: FramePredictor
    first: int

    def predict(self, frame: int, prompts: Prompts) -> MaskSet:
        """Decode prompts on a frame of the part."""
        return self.predictor.predict(frame + self.first, prompts)
