"""Where tracks break, and what the neighbouring frame says should be there."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.motion import FloatArray, global_displacement
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import typical_diameter

# An object is hidden in a mask, or a fragment lies in an object, from this part on.
COVERED = 0.6
# A mask that holds two objects is larger than one of them by this factor.
MERGED_GROWTH = 1.3
# Less of an object than this inside the plane is not worth asking for.
VISIBLE = 0.5


@dataclass(frozen=True, eq=False)
class Break:
    """A place where the masks of a frame contradict those of its neighbour.

    Attributes
    ----------
    frame : int
        Where masks are missing or wrong.
    expected : MaskSet
        The objects that should be there, as their neighbouring frame has them, moved
        by the estimated motion.
    replaces : tuple of int
        Detections of the frame that these objects would replace.
    """

    frame: int
    expected: MaskSet
    replaces: tuple[int, ...]

    @property
    def key(self) -> tuple[int, ...]:
        """What tells this question from another one."""
        return (self.frame, *(int(v) for v in self.expected.boxes.ravel()))


def moved_masks(
    mask_set: MaskSet, index: Sequence[int], displacement: FloatArray
) -> MaskSet:
    """Masks moved by whole pixels and clipped to the plane.

    Parameters
    ----------
    mask_set : MaskSet
        Where the masks come from.
    index : sequence of int
        Which ones.
    displacement : (2,) array
        (dy, dx) in pixels.
    """
    dy, dx = (int(v) for v in np.rint(displacement))
    height, width = mask_set.shape
    boxes, masks, areas = [], [], []
    for k in index:
        y0, x0, y1, x1 = (int(v) for v in mask_set.boxes[k])
        top, left = max(y0 + dy, 0), max(x0 + dx, 0)
        bottom = max(min(y1 + dy, height), top)
        right = max(min(x1 + dx, width), left)
        boxes.append((top, left, bottom, right))
        masks.append(
            mask_set.masks[k][
                top - y0 - dy : bottom - y0 - dy, left - x0 - dx : right - x0 - dx
            ]
        )
        areas.append(np.count_nonzero(masks[-1]))
    kept = [k for k, area in enumerate(areas) if area]
    return MaskSet.from_masks(
        mask_set.shape, [boxes[k] for k in kept], [masks[k] for k in kept]
    )


def find_breaks(
    frames: Sequence[MaskSet],
    objects: Sequence[FrameObjects],
    lineage: Lineage,
    *,
    locked: Collection[int] = (),
) -> list[Break]:
    """Find where tracks end, start, merge or fall apart inside the movie.

    Parameters
    ----------
    frames, objects : sequences
        Masks and measured objects of each frame.
    lineage : Lineage
        Tracks through them.
    locked : collection of int
        Frames that are right and stay as they are.
    """
    search = _Search(frames, objects, lineage)
    found: list[Break] = []
    for track in lineage.tracks:
        # What was seen only once may be a false detection: it is not carried on.
        if len(track.frames) > 1 or len(frames) < 3:
            found += search.beyond_end(track.id)
            found += search.before_start(track.id)
        found += search.inside_gaps(track.id)
        found += search.fragment(track.id)
    return [b for b in found if b.frame not in locked]


class _Search:
    """One pass over the tracks of a movie."""

    def __init__(
        self,
        frames: Sequence[MaskSet],
        objects: Sequence[FrameObjects],
        lineage: Lineage,
    ) -> None:
        self._frames = frames
        self._objects = objects
        self._lineage = lineage
        self._diameter = typical_diameter(objects)
        self._shifts: dict[tuple[int, int], FloatArray] = {}

    def beyond_end(self, track_id: int) -> Iterator[Break]:
        """Ask in the frame after a track that ends without dividing."""
        track = self._lineage.by_id[track_id]
        if track.end < len(self._frames) - 1 and track_id not in self._lineage.children:
            yield from self._ask(track.nodes[-1], track.end + 1)

    def before_start(self, track_id: int) -> Iterator[Break]:
        """Ask in the frame before a track that starts without a parent."""
        track = self._lineage.by_id[track_id]
        if track.start > 0 and not track.parent:
            yield from self._ask(track.nodes[0], track.start - 1)

    def inside_gaps(self, track_id: int) -> Iterator[Break]:
        """Ask for an object in the frames where it is hidden."""
        nodes = self._lineage.by_id[track_id].nodes
        for (t, a), (later, b) in itertools.pairwise(nodes):
            here = self._objects[t].centroids[a]
            there = self._objects[later].centroids[b]
            for frame in range(t + 1, later):
                step = (there - here) * (frame - t) / (later - t)
                expected = moved_masks(self._frames[t], [a], step)
                yield from self._as_break(expected, (t, a), frame)

    def fragment(self, track_id: int) -> Iterator[Break]:
        """Ask for the whole where a short track is a fragment of a longer one."""
        track = self._lineage.by_id[track_id]
        if track.parent or track.start == 0 or len(track.frames) > 1:
            return
        frame, fragment = track.nodes[0]
        before = self._objects[frame - 1]
        for whole in range(len(before)):
            owner = self._lineage.track_of(frame - 1, whole)
            rest = self._detection(owner, frame)
            if rest is None or self._objects[frame].areas[rest] > (
                before.areas[whole] / MERGED_GROWTH
            ):
                continue
            expected = self._moved((frame - 1, whole), frame)
            covered = _covered_parts(self._frames[frame], [fragment, rest], expected)
            if len(expected) and (covered > COVERED).all():
                yield Break(frame, expected, (rest, fragment))

    def _ask(self, node: tuple[int, int], frame: int) -> Iterator[Break]:
        yield from self._as_break(self._moved(node, frame), node, frame)

    def _as_break(
        self, expected: MaskSet, node: tuple[int, int], frame: int
    ) -> Iterator[Break]:
        """Classify: nothing is there, a mask of two objects is, or fragments are."""
        if len(expected) == 0:
            return
        area = float(expected.areas[0])
        if area < VISIBLE * self._objects[node[0]].areas[node[1]]:
            return
        there = self._frames[frame]
        shared = expected.intersection_matrix(there)[0] if len(there) else np.zeros(0)
        if len(shared) and shared.max() > COVERED * area:
            yield from self._merged(expected, node, frame, int(shared.argmax()))
            return
        inside = shared > COVERED * np.maximum(self._objects[frame].areas, 1)
        fragments = [
            k for k in np.flatnonzero(inside).tolist() if self._is_loose(frame, k)
        ]
        yield Break(frame, expected, tuple(fragments))

    def _merged(
        self, expected: MaskSet, node: tuple[int, int], frame: int, mask: int
    ) -> Iterator[Break]:
        """Yield a break if the mask holds its own track's object and this one."""
        other = self._detection(self._lineage.track_of(frame, mask), node[0])
        if other is None or other == node[1]:
            return
        alone = self._objects[node[0]].areas[other]
        if self._objects[frame].areas[mask] > MERGED_GROWTH * alone:
            both = MaskSet.concatenate([expected, self._moved((node[0], other), frame)])
            if len(both) == 2:
                yield Break(frame, both, (mask,))

    def _is_loose(self, frame: int, detection: int) -> bool:
        """Whether a detection is alone in its track: nothing is lost with it."""
        track = self._lineage.by_id[self._lineage.track_of(frame, detection)]
        return len(track.frames) == 1

    def _detection(self, track_id: int, frame: int) -> int | None:
        """Return a track's detection in a frame, if it has one there."""
        track = self._lineage.by_id.get(track_id)
        return None if track is None else dict(track.nodes).get(frame)

    def _moved(self, node: tuple[int, int], frame: int) -> MaskSet:
        """Mask of a node, moved as the frame moved."""
        t = node[0]
        if (t, frame) not in self._shifts:
            self._shifts[t, frame] = global_displacement(
                self._objects[t].centroids,
                self._objects[frame].centroids,
                scale=self._diameter,
            )
        return moved_masks(self._frames[t], [node[1]], self._shifts[t, frame])


def _covered_parts(
    there: MaskSet, detections: Sequence[int], expected: MaskSet
) -> FloatArray:
    """Part of each detection that lies in the first expected mask."""
    if len(expected) == 0:
        return np.zeros(len(detections))
    parts = there.select(list(detections))
    covered: FloatArray = parts.intersection_matrix(expected)[:, 0] / np.maximum(
        parts.areas, 1
    )
    return covered
