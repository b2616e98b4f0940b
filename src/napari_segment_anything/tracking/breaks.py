"""Where tracks break, and what the neighbouring frame says should be there."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.contradiction import Break, BreakKind
from napari_segment_anything.tracking.known import Known
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
# A mask whose area differs by this factor from both neighbours in time, which are
# alike, is likely the wrong one of several that the decoder could give.
SUDDEN = 1.35


def find_breaks(
    frames: Sequence[MaskSet],
    objects: Sequence[FrameObjects],
    lineage: Lineage,
    *,
    known: Known | None = None,
    forwards: bool = True,
    backwards: bool = True,
) -> list[Break]:
    """Find where tracks end, start, merge or fall apart inside the movie.

    Parameters
    ----------
    frames, objects : sequences
        Masks and measured objects of each frame.
    lineage : Lineage
        Tracks through them.
    known : Known, optional
        Frames and masks that are right and stay as they are.
    forwards, backwards : bool
        Whether tracks are carried on beyond their end, and before their start.
    """
    known = known or Known()
    search = _Search(frames, objects, lineage)
    found: list[Break] = []
    for track in lineage.tracks:
        # What was seen only once may be a false detection: it is not carried on,
        # unless somebody says that it is right.
        is_sure = len(track.frames) > 1 or len(frames) < 3
        is_sure = is_sure or track.nodes[0] in known.objects
        if is_sure and forwards:
            found += search.beyond_end(track.id)
        if is_sure and backwards:
            found += search.before_start(track.id)
        found += search.inside_gaps(track.id)
        found += search.fragment(track.id)
        found += search.changes(track.id)
    return [
        one
        for one in found
        if one.frame not in known.frames
        and not any((one.frame, k) in known.objects for k in one.replaces)
    ]


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
        self._at = {
            (track.id, frame): detection
            for track in lineage.tracks
            for frame, detection in track.nodes
        }

    def beyond_end(self, track_id: int) -> Iterator[Break]:
        """Ask in the frame after a track that ends without dividing."""
        track = self._lineage.by_id[track_id]
        if track.end < len(self._frames) - 1 and track_id not in self._lineage.children:
            node, frame = track.nodes[-1], track.end + 1
            yield from self._as_break(
                self._moved(node, frame), node, frame, "missing", 1
            )

    def before_start(self, track_id: int) -> Iterator[Break]:
        """Ask in the frame before a track that starts without a parent."""
        track = self._lineage.by_id[track_id]
        if track.start > 0 and not track.parent:
            node, frame = track.nodes[0], track.start - 1
            yield from self._as_break(
                self._moved(node, frame), node, frame, "missing", -1
            )

    def inside_gaps(self, track_id: int) -> Iterator[Break]:
        """Ask for an object in the frames where it is hidden."""
        nodes = self._lineage.by_id[track_id].nodes
        for (t, a), (later, b) in itertools.pairwise(nodes):
            for frame in range(t + 1, later):
                expected = self._between((t, a), (later, b), frame)
                yield from self._as_break(expected, (t, a), frame, "hidden")

    def changes(self, track_id: int) -> Iterator[Break]:
        """Ask again where a mask is unlike those before and after, which are alike."""
        nodes = self._lineage.by_id[track_id].nodes
        areas = np.log([self._objects[t].areas[k] for t, k in nodes])
        for n in range(1, len(nodes) - 1):
            before, here, after = areas[n - 1 : n + 2]
            is_alike = abs(after - before) < np.log(SUDDEN)
            if is_alike and abs(here - (before + after) / 2) > np.log(SUDDEN):
                expected = self._between(nodes[n - 1], nodes[n + 1], nodes[n][0])
                if len(expected):
                    yield Break("changed", nodes[n][0], expected, (nodes[n][1],))

    def fragment(self, track_id: int) -> Iterator[Break]:
        """Ask for the whole where a short track is a fragment of a longer one."""
        track = self._lineage.by_id[track_id]
        if track.parent or track.start == 0 or len(track.frames) > 1:
            return
        frame, fragment = track.nodes[0]
        before = self._objects[frame - 1]
        near = np.hypot(
            *(before.centroids - self._objects[frame].centroids[fragment]).T
        )
        for whole in np.flatnonzero(near < before.diameters + self._diameter).tolist():
            owner = self._lineage.track_of(frame - 1, whole)
            rest = self._at.get((owner, frame))
            if rest is None or self._objects[frame].areas[rest] > (
                before.areas[whole] / MERGED_GROWTH
            ):
                continue
            expected = self._moved((frame - 1, whole), frame)
            covered = _covered_parts(self._frames[frame], [fragment, rest], expected)
            if len(expected) and (covered > COVERED).all():
                yield Break("fragments", frame, expected, (rest, fragment))

    def _as_break(
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
        if area < VISIBLE * self._objects[node[0]].areas[node[1]]:
            return
        there = self._frames[frame]
        shared = expected.intersection_matrix(there)[0] if len(there) else np.zeros(0)
        if len(shared) and shared.max() > COVERED * area:
            yield from self._merged(expected, node, frame, int(shared.argmax()))
            return
        inside = shared > COVERED * np.maximum(self._objects[frame].areas, 1)
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
        other = self._at.get((self._lineage.track_of(frame, mask), node[0]))
        if other is None or other == node[1]:
            return
        alone = self._objects[node[0]].areas[other]
        if self._objects[frame].areas[mask] > MERGED_GROWTH * alone:
            both = MaskSet.concatenate([expected, self._moved((node[0], other), frame)])
            if len(both) == 2:
                yield Break("merged", frame, both, (mask,))

    def _is_loose(self, frame: int, detection: int) -> bool:
        """Whether a detection is alone in its track: nothing is lost with it."""
        track = self._lineage.by_id[self._lineage.track_of(frame, detection)]
        return len(track.frames) == 1

    def _between(
        self, before: tuple[int, int], after: tuple[int, int], frame: int
    ) -> MaskSet:
        """Mask of the earlier node, moved as far as it has come by a frame between."""
        (t, a), (later, b) = before, after
        way = self._objects[later].centroids[b] - self._objects[t].centroids[a]
        return moved_masks(self._frames[t], [a], way * (frame - t) / (later - t))

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
