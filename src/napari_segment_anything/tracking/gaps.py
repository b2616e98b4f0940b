"""Closing gaps: the end of one track and a later start may be the same object."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from laptrack import LapTrack

Node = tuple[int, int]


def close_gaps(
    costs: Mapping[tuple[Node, Node], float],
    segments: Mapping[Node, Node],
    n_frames: int,
    *,
    max_cost: float,
    max_frames: int,
) -> list[tuple[Node, Node]]:
    """Choose which ends and starts belong together.

    The second step of Jaqaman et al. (Nature Methods 5, 2008), as laptrack solves it:
    one assignment over all ends and starts of the movie.

    Parameters
    ----------
    costs : mapping of (end, start) to float
        Cost of each possible connection; nodes are (frame, detection).
    segments : mapping of node to node
        First node of each track that any cost mentions → its last node.
    n_frames : int
        Length of the movie.
    max_cost : float
        No connection costs more.
    max_frames : int
        Largest difference in frames between end and start.

    Returns
    -------
    list of (end, start)
        At most one for each end and each start.
    """
    if not costs:
        return []
    nodes = sorted({node for segment in segments.items() for node in segment})
    position: dict[Node, int] = {}
    coordinates: list[list[Node]] = [[] for _ in range(n_frames)]
    for node in nodes:
        position[node] = len(coordinates[node[0]])
        coordinates[node[0]].append(node)
    edges = [
        ((first[0], position[first]), (last[0], position[last]))
        for first, last in segments.items()
        if first != last
    ]

    def look_up(end: npt.NDArray[np.float64], start: npt.NDArray[np.float64]) -> float:
        key = ((int(end[0]), int(end[1])), (int(start[0]), int(start[1])))
        return costs.get(key, 2 * max_cost)

    # By keywords, mypy would want each of laptrack's optional settings.
    options: dict[str, Any] = {
        # Links between neighbouring frames are made already; none may be added.
        "metric": "sqeuclidean",
        "cutoff": 0.0,
        "gap_closing_metric": look_up,
        "gap_closing_cutoff": max_cost,
        "gap_closing_max_frame_count": max_frames,
        "splitting_cutoff": False,
        "merging_cutoff": False,
        "segment_start_cost": max_cost / 2,
        "segment_end_cost": max_cost / 2,
    }
    tracker = LapTrack(**options)
    tree = tracker.predict(
        [np.asarray(c, dtype=np.float64).reshape(-1, 2) for c in coordinates],
        connected_edges=edges,
    )
    known = set(edges)
    return sorted(
        (
            coordinates[int(a[0])][int(a[1])],
            coordinates[int(b[0])][int(b[1])],
        )
        for a, b in tree.edges()
        if ((int(a[0]), int(a[1])), (int(b[0]), int(b[1]))) not in known
    )
