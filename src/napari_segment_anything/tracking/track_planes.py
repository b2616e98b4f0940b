"""Label images with ids of tracks, and who descends from whom."""

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import InitVar, dataclass, field
from typing import Self

import numpy as np

from napari_segment_anything.tracking.correction_steps import (
    InvalidCorrectionError,
    LabelFrames,
    Labels,
    Place,
    PlaneChange,
)


@dataclass(eq=False)
class TrackPlanes:
    """Label images of one movie with ids of tracks, and who descends from whom.

    Parameters
    ----------
    labels : array-like
        (T, H, W); read and written frame by frame.
    parents : mapping of int to int
        Parent of each track that has one.
    locked : collection of (frame, id)
        Objects that computations leave as they are.
    apart : frozenset of int
        Tracks that have no parent, as a person has said.
    beside : list of TrackPlanes
        Other movies whose ids new tracks must not have.
    seen : mapping of int to array, optional
        Ids in each frame that has any, where somebody has looked already.
    """

    labels: LabelFrames
    parents: dict[int, int] = field(default_factory=dict)
    locked: frozenset[Place] = frozenset()
    apart: frozenset[int] = frozenset()
    beside: "list[TrackPlanes]" = field(default_factory=list, repr=False)
    seen: InitVar[Mapping[int, Labels] | None] = None

    def __post_init__(self, seen: Mapping[int, Labels] | None) -> None:
        self._frames: dict[int, set[int]] = {}
        self._n_changes: dict[int, int] = {}
        if seen is None:
            seen = {frame: self.ids(frame) for frame in range(self.n_frames)}
        for frame, ids in seen.items():
            for one in ids.tolist():
                self._frames.setdefault(one, set()).add(frame)
        self.parents = ordered(self.parents, self._frames)

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
                f"There is no track {track}; choose one that is there."
            )
        return sorted(self._frames[track])

    @property
    def tracks(self) -> list[int]:
        """Ids of all tracks, ascending."""
        return sorted(self._frames)

    @property
    def frames(self) -> list[int]:
        """Frames in which any object is seen, ascending."""
        return sorted(set().union(*self._frames.values()))

    def n_changes(self, frame: int) -> int:
        """How often a frame has been changed since its tracks were looked up."""
        return self._n_changes.get(frame, 0)

    def children(self, track: int) -> list[int]:
        """Ids of the tracks that descend from one."""
        return sorted(
            child for child, parent in self.parents.items() if parent == track
        )

    def draft(self) -> Self:
        """Return tracks of the same label images whose lineage changes by itself."""
        draft = copy(self)
        draft._frames = {one: set(frames) for one, frames in self._frames.items()}
        return draft

    def adopt(self, draft: Self) -> None:
        """Take over the lineage of a draft; how often frames changed is known."""
        self._frames, self.parents = draft._frames, draft.parents
        self.locked, self.apart = draft.locked, draft.apart

    def paint(self, change: PlaneChange) -> None:
        """Carry out what a correction does to one frame."""
        plane = self.read(change.frame).copy()
        plane.ravel()[change.pixels] = change.after
        self.labels[change.frame] = plane
        self._note(change.frame, change.ids)

    def note_painting(self, frame: int) -> None:
        """Take notice that somebody has painted on a frame."""
        self._note(frame)
        self.parents = ordered(self.parents, self._frames)

    def _note(self, frame: int, changed: Labels | None = None) -> None:
        """Look which tracks are seen in a frame now, of all or of these alone."""
        self._n_changes[frame] = self.n_changes(frame) + 1
        if changed is None:
            present = set(self.ids(frame).tolist())
            asked = present.union(self._frames)
        else:
            asked = set(changed[changed > 0].tolist())
            plane = self.read(frame)
            # To look for a few ids is much faster than to list all of them.
            present = {one for one in asked if (plane == one).any()}
        for one in asked - present:
            frames = self._frames.get(one, set())
            frames.discard(frame)
            if not frames:
                self._frames.pop(one, None)
        for one in present:
            self._frames.setdefault(one, set()).add(frame)

    def new_id(self) -> int:
        """Return an id that no track has, here or in the movies beside."""
        used = [0, *self._frames, *self.parents]
        for other in self.beside:
            used += [*other._frames, *other.parents]
        return max(used) + 1


def ordered(
    parents: Mapping[int, int], frames: Mapping[int, Collection[int]]
) -> dict[int, int]:
    """Keep only parents that are there and end before their child starts."""
    return {
        child: parent
        for child, parent in sorted(parents.items())
        if child in frames
        and parent in frames
        and max(frames[parent]) < min(frames[child])
    }
