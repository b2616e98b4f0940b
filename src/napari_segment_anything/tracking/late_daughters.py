"""Daughters that are first seen some frames after their sister, or after their mother.

A division has three masks, so that one of them is missed more often than one of two. A
track that starts beside an object which has just shrunk is likelier its daughter than a
new object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_segment_anything.tracking.affinity import (
    FloatArray,
    IndexArray,
    link_costs,
    reachable_pairs,
    size_scale,
)
from napari_segment_anything.tracking.division import division_costs
from napari_segment_anything.tracking.graph import LinkGraph, Node
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings


def late_daughters(
    graph: LinkGraph,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    known: Known,
) -> Mapping[tuple[Node, Node], float]:
    """Possible mothers of tracks that start, where one of three masks was missed.

    Parameters
    ----------
    graph : LinkGraph
        Links so far.
    objects, shifts, settings, diameter, known
        As for linking.

    Returns
    -------
    mapping of (mother, daughter) to float
        What the division costs beyond the link from the mother to the daughter that
        she has already. Left alone, the late daughter costs half of
        `LinkingSettings.unlinked_cost`.
    """
    found: dict[tuple[Node, Node], float] = {}
    mothers = _possible_mothers(graph)
    for frame, late in graph.starts().items():
        for t in range(max(frame - 1 - settings.gap_frames, 0), frame):
            for daughter_frame, (at, daughters) in mothers.get(t, {}).items():
                if daughter_frame == frame == t + 1:
                    continue
                group = _Group(t, at, daughter_frame, daughters, frame, late)
                pairs, costs = _costs(group, objects, shifts, settings, diameter)
                for (i, j), cost in zip(pairs.tolist(), costs.tolist(), strict=True):
                    mother, start = (t, int(at[i])), (frame, int(late[j]))
                    sister = (daughter_frame, int(daughters[i]))
                    if known.may_divide(mother, (sister, start)):
                        found[mother, start] = cost
    return found


def _possible_mothers(
    graph: LinkGraph,
) -> dict[int, dict[int, tuple[IndexArray, IndexArray]]]:
    """Objects with one successor and these, by their frame and its frame."""
    found: dict[int, dict[int, list[tuple[int, int]]]] = {}
    for before, after in graph.links():
        if len(graph.successors(before)) == 1:
            by_frame = found.setdefault(before[0], {})
            by_frame.setdefault(after[0], []).append((before[1], after[1]))
    return {
        t: {later: _columns(pairs) for later, pairs in by_frame.items()}
        for t, by_frame in found.items()
    }


def _columns(pairs: list[tuple[int, int]]) -> tuple[IndexArray, IndexArray]:
    before, after = np.array(pairs, dtype=np.intp).T
    return before, after


@dataclass(frozen=True, eq=False)
class _Group:
    """Mothers of one frame, their daughters of another, and late ones of a third."""

    frame: int
    mothers: IndexArray
    daughter_frame: int
    daughters: IndexArray
    late_frame: int
    late: IndexArray


def _costs(
    group: _Group,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
) -> tuple[IndexArray, FloatArray]:
    """Pairs of mother and late daughter that are plausible, (k, 2), and their costs."""
    t = group.frame
    before = objects[t].select(group.mothers)
    after = objects[group.daughter_frame].select(group.daughters)
    late = objects[group.late_frame].select(group.late)
    there = before.centroids + shifts[t : group.late_frame].sum(axis=0)
    i, j = reachable_pairs(before, late, there, settings, diameter)
    if len(i) == 0:
        return np.zeros((0, 2), np.intp), np.zeros(0)
    expected = before.centroids + shifts[t : group.daughter_frame].sum(axis=0)
    scale = size_scale(before, diameter)[i][:, None]
    costs = division_costs(
        (after.centroids[i] - expected[i]) / scale,
        (late.centroids[j] - there[i]) / scale,
        before.areas[i],
        after.areas[i],
        late.areas[j],
    )
    # The link that is there would be one with a daughter, not with the object itself.
    each = np.arange(len(before))
    links = link_costs(
        before,
        after,
        (each, each),
        expected,
        settings,
        diameter,
        n_frames=group.daughter_frame - t,
    )
    costs = costs + settings.division_cost - links[i]
    is_worth = costs < settings.unlinked_cost / 2
    return np.stack([i, j], axis=1)[is_worth], costs[is_worth]
