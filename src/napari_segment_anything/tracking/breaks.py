"""Where tracks break, and what the neighbouring frame says should be there."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.contradiction import Break, BreakKind
from napari_segment_anything.tracking.expectations import (
    COVERED,
    MERGED_GROWTH,
    Expectations,
)
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.motion import FloatArray
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.track import Track
from napari_segment_anything.tracking.undivided import undivided

# A mask whose area differs by this factor from both neighbours in time, which are
# alike, is likely the wrong one of several that the decoder could give.
SUDDEN = 1.35
# A link is doubtful where an object moves this much farther than usual, and farther
# than this part of its size.
UNUSUALLY_FAR = 4.0
FAR = 0.5


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
    there = Expectations(frames, objects, lineage)
    search = _Search(there)
    far = search.unusual_distance()
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
        found += search.inside_gaps(track.id, far)
        found += search.jumps(track.id, far, forwards, backwards)
        found += search.fragment(track.id)
        found += search.changes(track.id)
        found += undivided(there, track.id, known)
    return [
        one
        for one in found
        if one.frame not in known.frames
        and not any((one.frame, k) in known.objects for k in one.replaces)
    ]


class _Search:
    """One pass over the tracks of a movie."""

    def __init__(self, there: Expectations) -> None:
        self._there = there

    def beyond_end(self, track_id: int) -> Iterator[Break]:
        """Ask in the frame after a track that ends, or divides only later."""
        there, track = self._there, self._there.lineage.by_id[track_id]
        children = there.lineage.children.get(track_id, ())
        divides = any(
            there.lineage.by_id[child].start == track.end + 1 for child in children
        )
        if track.end < len(there.frames) - 1 and not divides:
            yield from self._ask(track.nodes[-1], 1)

    def before_start(self, track_id: int) -> Iterator[Break]:
        """Ask in the frame before a track that starts without a parent just before."""
        there, track = self._there, self._there.lineage.by_id[track_id]
        is_born = track.parent and there.lineage.by_id[track.parent].end == (
            track.start - 1
        )
        if track.start > 0 and not is_born:
            yield from self._ask(track.nodes[0], -1)

    def unusual_distance(self) -> float:
        """Way from one frame to the next that is doubtful, in diameters."""
        ways = [self._ways(track) for track in self._there.lineage.tracks]
        every = np.concatenate(ways) if ways else np.zeros(0)
        usual = float(np.median(every)) if len(every) else 0.0
        return max(UNUSUALLY_FAR * usual, FAR)

    def jumps(
        self, track_id: int, far: float, forwards: bool, backwards: bool
    ) -> Iterator[Break]:
        """Ask at both ends of a link over an unusual distance.

        Where an object was missed, its track may have jumped to another one.
        """
        track = self._there.lineage.by_id[track_id]
        pairs = [p for p in itertools.pairwise(track.nodes) if p[1][0] == p[0][0] + 1]
        for n in np.flatnonzero(self._ways(track) > far).tolist():
            before, after = pairs[n]
            if forwards:
                yield from self._ask(before, 1)
            if backwards:
                yield from self._ask(after, -1)

    def _ask(self, node: tuple[int, int], direction: int) -> Iterator[Break]:
        """Ask for an object in the frame after or before."""
        frame, there = node[0] + direction, self._there
        yield from there.as_break(
            there.moved(node, frame), node, frame, "missing", direction
        )

    def _ways(self, track: Track) -> FloatArray:
        """How far the object moves between neighbouring frames, in diameters."""
        there, nodes = self._there, track.nodes
        ways = [
            there.objects[u].centroids[b]
            - there.objects[t].centroids[a]
            - there.shift(t, u)
            for (t, a), (u, b) in itertools.pairwise(nodes)
            if u == t + 1
        ]
        offsets = np.asarray(ways, dtype=np.float64).reshape(-1, 2)
        distance: FloatArray = np.hypot(*offsets.T) / there.diameter
        return distance

    def inside_gaps(self, track_id: int, far: float) -> Iterator[Break]:
        """Ask for an object in the frames where it is hidden.

        What lies an unusual distance away after a gap may be another object: then one
        is there only if the model sees it.
        """
        there = self._there
        nodes = there.lineage.by_id[track_id].nodes
        for (t, a), (later, b) in itertools.pairwise(nodes):
            if later == t + 1:
                continue
            places = there.objects[t].centroids[a], there.objects[later].centroids[b]
            way = np.hypot(*(places[1] - places[0] - there.shift(t, later)))
            kind: BreakKind = "missing" if way > far * there.diameter else "hidden"
            for frame in range(t + 1, later):
                expected = there.between((t, a), (later, b), frame)
                yield from there.as_break(expected, (t, a), frame, kind)

    def changes(self, track_id: int) -> Iterator[Break]:
        """Ask again where a mask is unlike those before and after, which are alike."""
        nodes = self._there.lineage.by_id[track_id].nodes
        areas = np.log([self._there.objects[t].areas[k] for t, k in nodes])
        for n in range(1, len(nodes) - 1):
            before, here, after = areas[n - 1 : n + 2]
            is_alike = abs(after - before) < np.log(SUDDEN)
            if is_alike and abs(here - (before + after) / 2) > np.log(SUDDEN):
                expected = self._there.between(nodes[n - 1], nodes[n + 1], nodes[n][0])
                if len(expected):
                    yield Break("changed", nodes[n][0], expected, (nodes[n][1],))

    def fragment(self, track_id: int) -> Iterator[Break]:
        """Ask for the whole where a track of one frame is a fragment of another one."""
        track = self._there.lineage.by_id[track_id]
        if track.parent or len(track.frames) > 1:
            return
        frame = track.start
        for other in (frame - 1, frame + 1):
            if 0 <= other < len(self._there.frames):
                found = self._fragment(track.nodes[0], other)
                yield from found
                if found:
                    return

    def _fragment(self, node: tuple[int, int], other: int) -> list[Break]:
        """Find the whole of a fragment in another frame, and the rest of it here."""
        there, (frame, fragment) = self._there, node
        near = np.hypot(
            *(
                there.objects[other].centroids
                - there.objects[frame].centroids[fragment]
            ).T
        )
        whole_sizes = there.objects[other].diameters + there.diameter
        for whole in np.flatnonzero(near < whole_sizes).tolist():
            owner = there.lineage.track_of(other, whole)
            rest = there.at.get((owner, frame))
            if rest is None or there.objects[frame].areas[rest] > (
                there.objects[other].areas[whole] / MERGED_GROWTH
            ):
                continue
            expected = there.moved((other, whole), frame)
            covered = _covered_parts(there.frames[frame], [fragment, rest], expected)
            if len(expected) and (covered > COVERED).all():
                return [Break("fragments", frame, expected, (rest, fragment))]
        return []


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
