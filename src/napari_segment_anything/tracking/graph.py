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
        self._successors: dict[Node, list[Node]] = {}
        self._predecessor: dict[Node, Node] = {}

    def add(self, before: Node, after: Node) -> None:
        """Link two nodes; `after` must not have a predecessor yet."""
        self._successors.setdefault(before, []).append(after)
        self._predecessor[after] = before

    def remove(self, before: Node, after: Node) -> None:
        """Unlink two nodes."""
        self._successors[before].remove(after)
        if not self._successors[before]:
            del self._successors[before]
        del self._predecessor[after]

    def successors(self, node: Node) -> tuple[Node, ...]:
        """Nodes that follow this one."""
        return tuple(self._successors.get(node, ()))

    def predecessor(self, node: Node) -> Node | None:
        """Node that this one follows."""
        return self._predecessor.get(node)

    def links(self) -> list[tuple[Node, Node]]:
        """All links, by time of their later end."""
        return sorted(
            ((before, after) for after, before in self._predecessor.items()),
            key=lambda pair: pair[1],
        )

    def divisions(self) -> list[Node]:
        """Nodes with more than one successor, by time."""
        return sorted(n for n, after in self._successors.items() if len(after) > 1)

    def nodes(self) -> Iterator[Node]:
        """All nodes, by time."""
        for frame, n in enumerate(self.n_detections):
            for detection in range(n):
                yield frame, detection

    def ends(self) -> dict[int, IndexArray]:
        """Return the detections of each frame that nothing follows."""
        return self._without(self._successors)

    def starts(self) -> dict[int, IndexArray]:
        """Return the detections of each frame that follow nothing."""
        return self._without(self._predecessor)

    def _without(self, linked: Collection[Node]) -> dict[int, IndexArray]:
        return _by_frame(
            [n for n in self.nodes() if n not in linked and n not in self._left_out]
        )

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
            before = self._predecessor.get((frame, int(detection)))
            if before is None or before[0] != frame - 1:
                continue
            if len(self._successors[before]) == 1:
                motion[row] = (
                    objects[frame].centroids[detection]
                    - objects[frame - 1].centroids[before[1]]
                    - shifts[frame - 1]
                )
        return motion


def _by_frame(nodes: Sequence[Node]) -> dict[int, IndexArray]:
    found: dict[int, list[int]] = {}
    for frame, detection in nodes:
        found.setdefault(frame, []).append(detection)
    return {frame: np.asarray(d, dtype=np.intp) for frame, d in found.items()}
