"""Divisions of masks that held two objects: they only part again."""

from collections.abc import Sequence

import numpy as np

from napari_segment_anything.tracking.affinity import (
    FloatArray,
    link_costs,
    shifted_overlap,
)
from napari_segment_anything.tracking.graph import LinkGraph, Node
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings

# A mask has swallowed another one when it covers this part of it.
COVERED = 0.5
# A merged mask is larger than the object that it is said to be, by this factor.
MERGED_GROWTH = 1.25


def undo_merges(
    graph: LinkGraph,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    known: Known,
) -> None:
    """Take back divisions of masks that had swallowed another object before.

    Two objects whose masks merge and part again look like one that divides. Where a
    track ended inside the mother shortly before, its object gets its own part back.
    """
    for mother in graph.divisions():
        before = graph.predecessor(mother)
        if (
            before is None
            or len(graph.successors(mother)) != 2
            or mother in known.with_successor
        ):
            continue
        grown = (
            objects[mother[0]].areas[mother[1]] / objects[before[0]].areas[before[1]]
        )
        swallowed = _swallowed(graph, mother, objects, shifts, settings)
        if grown < MERGED_GROWTH or swallowed is None:
            continue
        daughters = graph.successors(mother)
        direct = _cost(before, daughters[0], objects, shifts, settings, diameter)
        direct += _cost(swallowed, daughters[1], objects, shifts, settings, diameter)
        crossed = _cost(before, daughters[1], objects, shifts, settings, diameter)
        crossed += _cost(swallowed, daughters[0], objects, shifts, settings, diameter)
        freed, own = daughters[::-1] if direct <= crossed else daughters
        if not (known.may_link(swallowed, freed) and known.may_link(mother, own)):
            continue
        graph.remove(mother, freed)
        graph.add(swallowed, freed)


def _swallowed(
    graph: LinkGraph,
    mother: Node,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
) -> Node | None:
    """Find the track end that the mother's mask covers most, if any."""
    best: Node | None = None
    most = COVERED
    frame = mother[0]
    earliest = max(frame - settings.gap_frames, 0)
    for t in range(earliest, frame):
        for detection in range(len(objects[t])):
            node = (t, detection)
            if graph.successors(node):
                continue
            covered = _covered(node, mother, objects, shifts)
            if covered > most:
                best, most = node, covered
    return best


def _covered(
    node: Node, later: Node, objects: Sequence[FrameObjects], shifts: FloatArray
) -> float:
    """Part of a node's mask that a later node's mask covers."""
    before, after = objects[node[0]], objects[later[0]]
    shift = shifts[node[0] : later[0]].sum(axis=0)
    pair = (np.array([node[1]]), np.array([later[1]]))
    displacement = np.broadcast_to(shift, (len(before), 2))
    shared = shifted_overlap(before, after, pair, displacement)[0]
    return float(shared / before.areas[node[1]])


def _cost(
    node: Node,
    later: Node,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
) -> float:
    """Cost of linking a node to a later one."""
    before, after = objects[node[0]], objects[later[0]]
    pair = (np.array([node[1]]), np.array([later[1]]))
    expected = before.centroids + shifts[node[0] : later[0]].sum(axis=0)
    return float(
        link_costs(
            before,
            after,
            pair,
            expected,
            settings,
            diameter,
            n_frames=later[0] - node[0],
        )[0]
    )
