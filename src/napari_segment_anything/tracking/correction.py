"""Tracks as label images that a person corrects: cut, join, divide, swap, repaint.

Every correction is a small value that can be applied and taken back. A corrected object
is locked; what depends on it is computed again in the few frames around it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from napari_segment_anything.tracking.correction_steps import (
    Correction,
    InvalidCorrectionError,
    Labels,
    Place,
    PlaneChange,
)
from napari_segment_anything.tracking.track_planes import TrackPlanes, ordered


class EditableTracks(TrackPlanes):
    """Tracks of one movie with all corrections that a person can make.

    Each returns a `Correction`, which `apply` carries out.
    """

    def cut(self, track: int, frame: int) -> Correction:
        """End a track before a frame; the rest becomes a track of its own."""
        frames = self.frames_of(track)
        rest = [t for t in frames if t >= frame]
        if not rest or len(rest) == len(frames):
            raise InvalidCorrectionError(
                f"Track {track} is seen from frame {frames[0]} to {frames[-1]}. Go to "
                "a later frame of it to cut it there."
            )
        new = self.new_id()
        parents = {
            child: new if parent == track else parent
            for child, parent in self.parents.items()
        }
        last = [t for t in frames if t < frame][-1]
        return self._correction(
            {t: {track: new} for t in rest}, parents, {(last, track), (rest[0], new)}
        )

    def join(self, track: int, later: int) -> Correction:
        """Make a later track the continuation of an earlier one."""
        first, second = self.frames_of(track), self.frames_of(later)
        if first[-1] >= second[0]:
            raise InvalidCorrectionError(
                f"Track {track} is seen until frame {first[-1]} and track {later} from "
                f"frame {second[0]}. Cut one of them first, or swap them."
            )
        parents = {
            child: track if parent == later else parent
            for child, parent in self.parents.items()
            if child != later and parent != track
        }
        return self._correction(
            {t: {later: track} for t in second},
            parents,
            {(first[-1], track), (second[0], track)},
            self.apart - {later},
        )

    def join_in_order(self, one: int, other: int) -> Correction:
        """Join two tracks, whichever comes first."""
        pair = sorted((one, other), key=lambda track: self.frames_of(track)[0])
        return self.join(*pair)

    def divide(self, mother: int, daughters: Collection[int]) -> Correction:
        """Make tracks the daughters of another one."""
        end = self.frames_of(mother)[-1]
        for daughter in daughters:
            start = self.frames_of(daughter)[0]
            if start <= end or daughter == mother:
                raise InvalidCorrectionError(
                    f"Track {daughter} starts in frame {start}, before track {mother} "
                    f"ends in frame {end}. Cut track {mother} first."
                )
        parents = {**self.parents, **dict.fromkeys(daughters, mother)}
        ours = {(self.frames_of(d)[0], d) for d in daughters}
        apart = self.apart.difference(daughters)
        return self._correction({}, parents, {(end, mother), *ours}, apart)

    def set_apart(self, track: int) -> Correction:
        """Take a track's parent away."""
        start = self.frames_of(track)[0]
        parents = {c: p for c, p in self.parents.items() if c != track}
        apart = self.apart | {track}
        return self._correction({}, parents, {(start, track)}, apart)

    def swap(self, one: int, other: int, frame: int) -> Correction:
        """Let two tracks go on as each other from a frame on."""
        frames = [t for t in self.frames_of(one) if t >= frame]
        others = [t for t in self.frames_of(other) if t >= frame]
        if one == other or not (frames or others):
            raise InvalidCorrectionError(
                "Choose two different tracks, and a frame in which one of them is seen."
            )
        ids = {one: other, other: one}
        parents = {c: ids.get(p, p) for c, p in self.parents.items()}
        apart = set(self.apart)
        for track in (one, other):
            if self.frames_of(track)[0] >= frame and track in self.apart:
                apart = apart - {track} | {ids[track]}
            # Who starts only now keeps the parent of the object, not of the number.
            if self.frames_of(track)[0] >= frame and track in self.parents:
                parents.pop(track, None)
                parents[ids[track]] = ids.get(self.parents[track], self.parents[track])
        places = {(frames[0], other)} if frames else set[Place]()
        places |= {(others[0], one)} if others else set()
        return self._correction(
            dict.fromkeys(sorted({*frames, *others}), ids),
            parents,
            places,
            frozenset(apart),
        )

    def remove(self, track: int, frames: Collection[int] | None = None) -> Correction:
        """Remove an object from some frames, or from all."""
        seen = self.frames_of(track)
        gone = seen if frames is None else sorted(frames)
        if missing := sorted(set(gone).difference(seen)):
            raise InvalidCorrectionError(
                f"Track {track} is not seen in frame {missing[0]}, so that nothing can "
                "be removed there."
            )
        left = set(seen) - set(gone)
        parents = {
            c: p for c, p in self.parents.items() if left or (c != track and p != track)
        }
        return self._correction({t: {track: 0} for t in gone}, parents, set())

    def lock(self, places: Collection[Place]) -> Correction:
        """Lock objects, or unlock them where all are locked."""
        chosen = frozenset(places)
        is_on = chosen <= self.locked
        locked = self.locked - chosen if is_on else self.locked | chosen
        return Correction((), self.parents, locked)

    def replace(
        self,
        planes: Mapping[int, Labels],
        parents: Mapping[int, int] | None = None,
        locked: Collection[Place] = (),
    ) -> Correction:
        """Replace whole frames, as a computation or a brush has made them."""
        changes = []
        for frame, after in sorted(planes.items()):
            before = self.read(frame).ravel()
            pixels = np.flatnonzero(before != after.ravel())
            if len(pixels):
                values = after.ravel()[pixels].astype(before.dtype)
                changes.append(PlaneChange(frame, pixels, before[pixels], values))
        return Correction(
            tuple(changes),
            dict(self.parents if parents is None else parents),
            self.locked | frozenset(locked),
        )

    def apply(self, correction: Correction) -> Correction:
        """Carry a correction out; returns the one that takes it back."""
        for change in correction.changes:
            self.paint(change)
        return self.conclude(correction)

    def conclude(self, correction: Correction) -> Correction:
        """Carry out the rest of a correction whose frames are painted."""
        undo = self._taking_back(correction.changes)
        self.parents = ordered(correction.parents, self._frames)
        if correction.apart is not None:
            self.apart = correction.apart
        self.locked = self._seen(correction.locked)
        return undo

    def take_over(self, strokes: Sequence[PlaneChange]) -> Correction:
        """Take notice of what somebody has painted; returns what takes it back.

        What was painted on is locked, and so is what is left of what was painted over.

        Parameters
        ----------
        strokes : sequence of PlaneChange
            Pixels that are changed already.
        """
        undo = self._taking_back(strokes)
        drawn = set[Place]()
        for stroke in strokes:
            self._note(stroke.frame, stroke.ids)
            drawn |= {(stroke.frame, one) for one in stroke.ids.tolist()}
        self.parents = ordered(self.parents, self._frames)
        self.locked = self._seen(self.locked | drawn)
        return undo

    def _taking_back(self, changes: Sequence[PlaneChange]) -> Correction:
        inverse = tuple(change.inverse for change in changes)
        return Correction(inverse, dict(self.parents), self.locked, self.apart)

    def _seen(self, places: Collection[Place]) -> frozenset[Place]:
        """Places where the track is seen."""
        return frozenset((t, i) for t, i in places if t in self._frames.get(i, ()))

    def _correction(
        self,
        new_ids: Mapping[int, Mapping[int, int]],
        parents: Mapping[int, int],
        places: Collection[Place],
        apart: frozenset[int] | None = None,
    ) -> Correction:
        moved = {(t, new_ids.get(t, {}).get(track, track)) for t, track in self.locked}
        changes = [renamed(t, self.read(t), ids) for t, ids in new_ids.items()]
        locked = frozenset(moved | {*places})
        return Correction(tuple(changes), dict(parents), locked, apart)


def renamed(frame: int, plane: Labels, ids: Mapping[int, int]) -> PlaneChange:
    """Change ids of one frame."""
    is_theirs = np.logical_or.reduce([plane.ravel() == one for one in ids])
    pixels = np.flatnonzero(is_theirs)
    before = plane.ravel()[pixels]
    after = before.copy()
    for old, new in ids.items():
        after[before == old] = new
    return PlaneChange(frame, pixels, before, after)


Step = Callable[[EditableTracks], Correction]
