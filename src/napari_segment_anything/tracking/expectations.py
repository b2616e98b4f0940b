"""What neighbouring frames say should be in a frame, and what is there instead."""

from collections.abc import Iterator, Sequence

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.contradiction import Break, BreakKind
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.motion import FloatArray, global_displacement
from napari_segment_anything.tracking.moved import moved_masks
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import typical_diameter

# An object is hidden in a mask, or a fragment lies in an object, from this part on.
COVERED = 0.6
# A mask that holds two objects is larger than one of them by this factor.
MERGED_GROWTH = 1.3
# Less of an object than this inside the plane is not worth asking for.
VISIBLE = 0.5


class Expectations:
    """What neighbouring frames say should be in a frame of a movie.

    Parameters
    ----------
    frames, objects : sequences
        Masks and measured objects of each frame.
    lineage : Lineage
        Tracks through them.
    """

    def __init__(
        self,
        frames: Sequence[MaskSet],
        objects: Sequence[FrameObjects],
        lineage: Lineage,
    ) -> None:
        self.frames = frames
        self.objects = objects
        self.lineage = lineage
        self.diameter = typical_diameter(objects)
        self._shifts: dict[tuple[int, int], FloatArray] = {}
        self.at = {
            (track.id, frame): detection
            for track in lineage.tracks
            for frame, detection in track.nodes
        }

    def as_break(
        self,
        expected: MaskSet,
        node: tuple[int, int],
        frame: int,
        kind: BreakKind,
        direction: int = 0,
    ) -> Iterator[Break]:
        """Classify: nothing is there, a mask of two objects is, or fragments are."""
        if len(expected) == 0:
            return
        area = float(expected.areas[0])
        if area < VISIBLE * self.objects[node[0]].areas[node[1]]:
            return
        there = self.frames[frame]
        shared = expected.intersection_matrix(there)[0] if len(there) else np.zeros(0)
        if len(shared) and shared.max() > COVERED * area:
            yield from self._merged(expected, node, frame, int(shared.argmax()))
            return
        inside = shared > COVERED * np.maximum(self.objects[frame].areas, 1)
        fragments = tuple(
            k for k in np.flatnonzero(inside).tolist() if self._is_loose(frame, k)
        )
        if len(fragments) > 1:
            kind = "fragments"
        yield Break(kind, frame, expected, fragments, direction)

    def _merged(
        self, expected: MaskSet, node: tuple[int, int], frame: int, mask: int
    ) -> Iterator[Break]:
        """Yield a break if the mask holds its own track's object and this one."""
        other = self.at.get((self.lineage.track_of(frame, mask), node[0]))
        if other is None or other == node[1]:
            return
        alone = self.objects[node[0]].areas[other]
        if self.objects[frame].areas[mask] > MERGED_GROWTH * alone:
            both = MaskSet.concatenate([expected, self.moved((node[0], other), frame)])
            if len(both) == 2:
                yield Break("merged", frame, both, (mask,))

    def _is_loose(self, frame: int, detection: int) -> bool:
        """Whether a detection is alone in its track: nothing is lost with it."""
        track = self.lineage.by_id[self.lineage.track_of(frame, detection)]
        return len(track.frames) == 1

    def between(
        self, before: tuple[int, int], after: tuple[int, int], frame: int
    ) -> MaskSet:
        """Mask of the earlier node, moved as far as it has come by a frame between."""
        (t, a), (later, b) = before, after
        way = self.objects[later].centroids[b] - self.objects[t].centroids[a]
        return moved_masks(self.frames[t], [a], way * (frame - t) / (later - t))

    def moved(self, node: tuple[int, int], frame: int) -> MaskSet:
        """Mask of a node, moved as the frame moved."""
        return moved_masks(self.frames[node[0]], [node[1]], self.shift(node[0], frame))

    def shift(self, t: int, frame: int) -> FloatArray:
        """How the whole frame moves from one to another, pixels."""
        if (t, frame) not in self._shifts:
            self._shifts[t, frame] = global_displacement(
                self.objects[t].centroids,
                self.objects[frame].centroids,
                scale=self.diameter,
            )
        return self._shifts[t, frame]


def carried_on(
    frames: Sequence[MaskSet],
    objects: Sequence[FrameObjects],
    node: tuple[int, int],
    direction: int,
    shift: FloatArray,
) -> Break | None:
    """Ask for a mask that repair has just made in the next frame, too.

    Parameters
    ----------
    frames, objects : sequences
        Masks and measured objects of each frame.
    node : (frame, detection)
        The new mask.
    direction : int
        1 for the frame after, -1 for the one before.
    shift : (2,) array
        How the whole frame moves from there to here, pixels.

    Returns
    -------
    Break or None
        None where the movie ends, the object leaves, or a mask is there already.
    """
    t, k = node
    frame = t + direction
    if not 0 <= frame < len(frames):
        return None
    expected = moved_masks(frames[t], [k], shift)
    if len(expected) == 0 or expected.areas[0] < VISIBLE * objects[t].areas[k]:
        return None
    there = frames[frame]
    shared = expected.intersection_matrix(there)[0] if len(there) else np.zeros(0)
    if len(shared) and shared.max() > COVERED * expected.areas[0]:
        return None
    return Break("missing", frame, expected, (), direction)
