"""Tracks as label images that a person corrects: cut, join, divide, swap, repaint.

Every correction is a small value that can be applied and taken back. A corrected object
is locked; what depends on it is computed again in the few frames around it.
"""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import SegmentAnythingError

Labels = npt.NDArray[np.integer]
Place = tuple[int, int]


class LabelFrames(Protocol):
    """Label images that are read and written frame by frame, (T, H, W)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, rows, columns."""

    def __getitem__(self, frame: int) -> Any:
        """Label image of a frame."""

    def __setitem__(self, frame: int, labels: Any) -> None:
        """Replace the label image of a frame."""


class InvalidCorrectionError(SegmentAnythingError, ValueError):
    """A correction does not fit the tracks."""


@dataclass(frozen=True, eq=False)
class PlaneChange:
    """Pixels of one frame before and after.

    Attributes
    ----------
    frame : int
        Position along the tracked axis.
    pixels : (n,) int array
        Flat indices into the frame.
    before, after : (n,) int arrays
        Track ids.
    """

    frame: int
    pixels: npt.NDArray[np.intp]
    before: Labels
    after: Labels


@dataclass(frozen=True, eq=False)
class Correction:
    """One step that can be taken back.

    Attributes
    ----------
    changes : tuple of PlaneChange
        What happens to the label images.
    parents : mapping of int to int
        Parent of each track that has one, afterwards.
    locked : frozenset of (frame, id)
        Objects that are never changed by a computation, afterwards.
    """

    changes: tuple[PlaneChange, ...]
    parents: Mapping[int, int]
    locked: frozenset[Place]


@dataclass(eq=False)
class EditableTracks:
    """Label images of one movie with ids of tracks, and who descends from whom.

    Parameters
    ----------
    labels : array-like
        (T, H, W); read and written frame by frame.
    parents : mapping of int to int
        Parent of each track that has one.
    locked : collection of (frame, id)
        Objects that computations leave as they are.
    """

    labels: LabelFrames
    parents: dict[int, int] = field(default_factory=dict)
    locked: frozenset[Place] = frozenset()

    def __post_init__(self) -> None:
        self._frames: dict[int, set[int]] = {}
        for frame in range(self.n_frames):
            for one in self.ids(frame).tolist():
                self._frames.setdefault(one, set()).add(frame)
        self.parents = self._ordered(self.parents)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.labels.shape[0])

    def read(self, frame: int) -> Labels:
        """Label image of a frame."""
        return np.asarray(self.labels[frame])

    def ids(self, frame: int) -> Labels:
        """Tracks that are seen in a frame."""
        plane = self.read(frame)
        return np.unique(plane[plane > 0])

    def frames_of(self, track: int) -> list[int]:
        """Frames in which a track is seen, ascending.

        Raises
        ------
        InvalidCorrectionError
            If there is no such track.
        """
        if track not in self._frames:
            raise InvalidCorrectionError(
                f"There is no track {track}. Click on an object first."
            )
        return sorted(self._frames[track])

    @property
    def tracks(self) -> list[int]:
        """Ids of all tracks, ascending."""
        return sorted(self._frames)

    def children(self, track: int) -> list[int]:
        """Ids of the tracks that descend from one."""
        return sorted(
            child for child, parent in self.parents.items() if parent == track
        )

    def cut(self, track: int, frame: int) -> Correction:
        """End a track before a frame; the rest becomes a track of its own."""
        frames = self.frames_of(track)
        rest = [t for t in frames if t >= frame]
        if not rest or len(rest) == len(frames):
            raise InvalidCorrectionError(
                f"Track {track} is seen from frame {frames[0]} to {frames[-1]}. Go to "
                "a later frame of it to cut it there."
            )
        new = self._new_id()
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
        )

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
        return self._correction({}, parents, {(end, mother), *ours})

    def set_apart(self, track: int) -> Correction:
        """Take a track's parent away."""
        start = self.frames_of(track)[0]
        parents = {c: p for c, p in self.parents.items() if c != track}
        return self._correction({}, parents, {(start, track)})

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
        for track in (one, other):
            # Who starts only now keeps the parent of the object, not of the number.
            if self.frames_of(track)[0] >= frame and track in self.parents:
                parents.pop(track, None)
                parents[ids[track]] = ids.get(self.parents[track], self.parents[track])
        places = {(frames[0], other)} if frames else set[Place]()
        places |= {(others[0], one)} if others else set()
        return self._correction(
            dict.fromkeys(sorted({*frames, *others}), ids), parents, places
        )

    def remove(self, track: int, frames: Collection[int] | None = None) -> Correction:
        """Remove an object from some frames, or from all."""
        gone = self.frames_of(track) if frames is None else sorted(frames)
        left = set(self.frames_of(track)) - set(gone)
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
        undo = Correction(
            tuple(
                PlaneChange(c.frame, c.pixels, c.after, c.before)
                for c in correction.changes
            ),
            dict(self.parents),
            self.locked,
        )
        for change in correction.changes:
            plane = self.read(change.frame).copy()
            plane.ravel()[change.pixels] = change.after
            self.labels[change.frame] = plane
            self._note(change.frame)
        self.parents = self._ordered(correction.parents)
        self.locked = frozenset(
            (t, i) for t, i in correction.locked if t in self._frames.get(i, ())
        )
        return undo

    def note_painting(self, frame: int) -> None:
        """Take notice that somebody has painted on a frame."""
        self._note(frame)
        self.parents = self._ordered(self.parents)

    def _correction(
        self,
        new_ids: Mapping[int, Mapping[int, int]],
        parents: Mapping[int, int],
        places: Collection[Place],
    ) -> Correction:
        changes = []
        for frame, ids in new_ids.items():
            plane = self.read(frame).ravel()
            pixels = np.flatnonzero(np.isin(plane, list(ids)))
            before = plane[pixels]
            after = before.copy()
            for old, new in ids.items():
                after[before == old] = new
            changes.append(PlaneChange(frame, pixels, before, after))
        moved = {(t, new_ids.get(t, {}).get(track, track)) for t, track in self.locked}
        return Correction(tuple(changes), dict(parents), frozenset(moved | {*places}))

    def _note(self, frame: int) -> None:
        present = set(self.ids(frame).tolist())
        for one, frames in list(self._frames.items()):
            if one not in present:
                frames.discard(frame)
                if not frames:
                    del self._frames[one]
        for one in present:
            self._frames.setdefault(one, set()).add(frame)

    def _ordered(self, parents: Mapping[int, int]) -> dict[int, int]:
        """Keep only parents that are there and end before their child starts."""
        return {
            child: parent
            for child, parent in sorted(parents.items())
            if child in self._frames
            and parent in self._frames
            and max(self._frames[parent]) < min(self._frames[child])
        }

    def _new_id(self) -> int:
        return max(itertools.chain(self._frames, self.parents, [0])) + 1
