"""Links between detections while they are being chosen."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from napari_segment_anything.tracking.objects import FrameObjects

Node = tuple[int, int]
IndexArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]


class LinkGraph:
    """A forest of detections that can still be changed.

    Parameters
    ----------
    n_detections : list of int
        Number of detections of each frame. Nodes are (frame, detection).
    left_out : collection of (frame, detection)
        Nodes that are linked to nothing: fragments, for which another node stands.
    """

    def __init__(
        self, n_detections: list[int], left_out: Collection[Node] = ()
    ) -> None:
        self.n_detections = n_detections
        self._left_out = frozenset(left_out)
        self._first = np.concatenate([[0], np.cumsum(n_detections)]).astype(np.int64)
        # Numbers of nodes, -1 for none. Most have one successor; the others are few.
        n_nodes = int(self._first[-1])
        self._before = np.full(n_nodes, -1, np.int32)
        self._after = np.full(n_nodes, -1, np.int32)
        self._more: dict[int, list[int]] = {}

    def add(self, before: Node, after: Node) -> None:
        """Link two nodes; `after` must not have a predecessor yet."""
        a, b = self._number(before), self._number(after)
        self._before[b] = a
        if self._after[a] < 0:
            self._after[a] = b
        else:
            self._more.setdefault(a, []).append(b)

    def remove(self, before: Node, after: Node) -> None:
        """Unlink two nodes."""
        a, b = self._number(before), self._number(after)
        rest = [one for one in self._successors(a) if one != b]
        self._before[b] = -1
        self._more.pop(a, None)
        self._after[a] = rest[0] if rest else -1
        if len(rest) > 1:
            self._more[a] = rest[1:]

    def successors(self, node: Node) -> tuple[Node, ...]:
        """Nodes that follow this one."""
        return tuple(self._node(n) for n in self._successors(self._number(node)))

    def predecessor(self, node: Node) -> Node | None:
        """Node that this one follows."""
        before = int(self._before[self._number(node)])
        return None if before < 0 else self._node(before)

    def links(self) -> Iterator[tuple[Node, Node]]:
        """All links, by time of their later end."""
        for after in np.flatnonzero(self._before >= 0).tolist():
            yield self._node(int(self._before[after])), self._node(after)

    def divisions(self) -> list[Node]:
        """Nodes with more than one successor, by time."""
        return [self._node(n) for n in sorted(self._more)]

    def ends(self) -> dict[int, IndexArray]:
        """Return the detections of each frame that nothing follows."""
        return self._by_frame(self._after < 0)

    def starts(self) -> dict[int, IndexArray]:
        """Return the detections of each frame that follow nothing."""
        return self._by_frame(self._before < 0)

    def _by_frame(self, is_chosen: npt.NDArray[np.bool_]) -> dict[int, IndexArray]:
        is_chosen[[self._number(node) for node in self._left_out]] = False
        found = {}
        for frame, n in enumerate(self.n_detections):
            first = self._first[frame]
            detections = np.flatnonzero(is_chosen[first : first + n])
            if len(detections):
                found[frame] = detections
        return found

    def _number(self, node: Node) -> int:
        return int(self._first[node[0]]) + node[1]

    def _node(self, number: int) -> Node:
        frame = int(np.searchsorted(self._first, number, side="right")) - 1
        return frame, number - int(self._first[frame])

    def _successors(self, number: int) -> list[int]:
        first = int(self._after[number])
        return [] if first < 0 else [first, *self._more.get(number, ())]

    def last_motion(
        self,
        objects: Sequence[FrameObjects],
        shifts: FloatArray,
        frame: int,
        detections: IndexArray,
    ) -> FloatArray:
        """Own displacement (pixels, a frame) of each detection when it came here.

        Zero where it came from nowhere, across a gap or from a division.
        """
        motion = np.zeros((len(detections), 2))
        for row, detection in enumerate(detections):
            before = self.predecessor((frame, int(detection)))
            if before is None or before[0] != frame - 1:
                continue
            if len(self.successors(before)) == 1:
                motion[row] = (
                    objects[frame].centroids[detection]
                    - objects[frame - 1].centroids[before[1]]
                    - shifts[frame - 1]
                )
        return motion
