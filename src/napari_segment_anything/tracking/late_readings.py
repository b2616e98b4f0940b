"""What starts beside an object that goes on: its late daughter, or the object itself.

A division has three masks, so that one of them is missed more often than one of two. A
track that starts beside an object which has just shrunk is likelier its daughter than a
new object. And where an object was missed for a frame, its track may have jumped to a
neighbour meanwhile.
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

# Centres of sisters are apart by this part of their diameter at least.
APART = 0.7


@dataclass(frozen=True, eq=False)
class LateReadings:
    """What tracks that start may be, with costs; keys are (earlier, later).

    Attributes
    ----------
    births : mapping
        Mother and late daughter: what the division costs beyond the link that the
        mother has already. Left alone, the late daughter costs half of
        `LinkingSettings.unlinked_cost`.
    returns : mapping
        An object that was missed, and itself: what the link costs beyond the one that
        it has already, which would be undone; always below 0.
    """

    births: Mapping[tuple[Node, Node], float]
    returns: Mapping[tuple[Node, Node], float]


def late_readings(
    graph: LinkGraph,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    known: Known,
) -> LateReadings:
    """Find what tracks that start may be, where a mask was missed before.

    Parameters
    ----------
    graph : LinkGraph
        Links so far.
    objects, shifts, settings, diameter, known
        As for linking.
    """
    births: dict[tuple[Node, Node], float] = {}
    returns: dict[tuple[Node, Node], float] = {}
    mothers = _possible_mothers(graph)
    for frame, late in graph.starts().items():
        for t in range(max(frame - 1 - settings.gap_frames, 0), frame):
            for next_frame, (at, following) in mothers.get(t, {}).items():
                if next_frame == frame == t + 1:
                    continue
                group = _Group(t, at, next_frame, following, frame, late)
                pairs, as_birth, as_return = _costs(
                    group, objects, shifts, settings, diameter
                )
                for n, (i, j) in enumerate(pairs.tolist()):
                    before, start = (t, int(at[i])), (frame, int(late[j]))
                    after = (next_frame, int(following[i]))
                    if as_birth[n] < as_return[n] + settings.unlinked_cost / 2:
                        if known.may_divide(before, (after, start)):
                            births[before, start] = float(as_birth[n])
                    elif as_return[n] < 0 and known.may_link(before, start):
                        returns[before, start] = float(as_return[n])
    return LateReadings(births, returns)


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
) -> tuple[IndexArray, FloatArray, FloatArray]:
    """Pairs that may be one or the other, (k, 2), and their costs in both readings."""
    t = group.frame
    before = objects[t].select(group.mothers)
    after = objects[group.daughter_frame].select(group.daughters)
    late = objects[group.late_frame].select(group.late)
    there = before.centroids + shifts[t : group.late_frame].sum(axis=0)
    i, j = reachable_pairs(before, late, there, settings, diameter)
    if len(i) == 0:
        return np.zeros((0, 2), np.intp), np.zeros(0), np.zeros(0)
    expected = before.centroids + shifts[t : group.daughter_frame].sum(axis=0)
    scale = size_scale(before, diameter)[i][:, None]
    to_first = after.centroids[i] - expected[i]
    to_second = late.centroids[j] - there[i]
    births = division_costs(
        to_first / scale,
        to_second / scale,
        before.areas[i],
        after.areas[i],
        late.areas[j],
    )
    # Sisters do not lie on each other: that would be one of them, seen again.
    sizes = (after.diameters[i] + late.diameters[j]) / 2
    births[np.hypot(*(to_first - to_second).T) < APART * sizes] = np.inf
    each, n_frames = np.arange(len(before)), group.daughter_frame - t
    links = link_costs(
        before, after, (each, each), expected, settings, diameter, n_frames=n_frames
    )[i]
    n_later = group.late_frame - t
    returns = link_costs(
        before, late, (i, j), there, settings, diameter, n_frames=n_later
    )
    # Without a gap, what follows was chosen among all that could.
    returns = np.where(n_later > n_frames, returns - links, np.inf)
    births = births + settings.division_cost - links
    is_worth = (births < settings.unlinked_cost / 2) | (returns < 0)
    return np.stack([i, j], axis=1)[is_worth], births[is_worth], returns[is_worth]
