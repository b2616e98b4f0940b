"""Closing gaps: the end of one track and a later start may be the same object."""

from collections.abc import Mapping, Sequence

import numpy as np

from napari_segment_anything.tracking.affinity import (
    Candidates,
    FloatArray,
    candidates,
)
from napari_segment_anything.tracking.assignment import assign
from napari_segment_anything.tracking.division import no_divisions
from napari_segment_anything.tracking.graph import LinkGraph, Node
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.late_readings import late_readings
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings

Costs = Mapping[tuple[Node, Node], float]

# Each frame that an object is hidden makes it less sure that it is the same one.
COST_OF_HIDDEN_FRAME = 0.5


def join_over_gaps(
    graph: LinkGraph,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    known: Known,
) -> None:
    """Join ends to starts that come a few frames later, and mothers to daughters.

    What starts may be the same object as what ended, or the second daughter of one that
    seems to go on: the cheaper reading is taken.
    """
    for _ in range(2):
        # Then once more: of two daughters after a gap, the first is joined only now.
        joins = _same_objects(graph, objects, shifts, settings, diameter, known)
        births: Costs = {}
        if settings.gap_frames:
            late = late_readings(graph, objects, shifts, settings, diameter, known)
            _return(graph, late.returns)
            births = late.births if settings.division else {}
        _choose(graph, joins, births, settings)
        if not (joins or births):
            return


def _return(graph: LinkGraph, returns: Costs) -> None:
    """Let tracks that jumped to a neighbour go on as the object itself, later."""
    for (before, start), cost in sorted(returns.items(), key=lambda item: item[1]):
        after = graph.successors(before)
        n_hidden = start[0] - before[0] - 1
        is_free = len(after) == 1 and graph.predecessor(start) is None
        if is_free and cost < -COST_OF_HIDDEN_FRAME * n_hidden:
            graph.remove(before, after[0])
            graph.add(before, start)


def _choose(
    graph: LinkGraph, joins: Costs, births: Costs, settings: LinkingSettings
) -> None:
    """Take the cheapest consistent choice of joins and births.

    The second step of Jaqaman et al. (Nature Methods 5, 2008): one assignment over all
    ends and starts of the movie. To that, a mother is one end more, which costs nothing
    where no late daughter is hers.
    """
    births = {pair: cost for pair, cost in births.items() if _is_free(graph, pair, 1)}
    joins = {pair: cost for pair, cost in joins.items() if _is_free(graph, pair, 0)}
    pairs = [*joins, *births]
    if not pairs:
        return
    costs = np.array(
        [
            cost + COST_OF_HIDDEN_FRAME * (pair[1][0] - pair[0][0] - 1)
            for some in (joins, births)
            for pair, cost in some.items()
        ]
    )
    ends: dict[tuple[bool, Node], int] = {}
    starts: dict[Node, int] = {}
    for n, (before, after) in enumerate(pairs):
        ends.setdefault((n < len(joins), before), len(ends))
        starts.setdefault(after, len(starts))
    half = settings.unlinked_cost / 2
    found = Candidates(
        np.array([ends[n < len(joins), before] for n, (before, _) in enumerate(pairs)]),
        np.array([starts[after] for _, after in pairs]),
        costs,
    )
    chosen, _ = assign(
        found,
        no_divisions(),
        np.array([half if is_end else 0.0 for is_end, _ in ends]),
        np.full(len(starts), half),
        division_cost=settings.division_cost,
    )
    for n in np.flatnonzero(chosen).tolist():
        graph.add(*pairs[n])


def _is_free(graph: LinkGraph, pair: tuple[Node, Node], n_after: int) -> bool:
    """Whether nothing has come between two objects that may be linked."""
    before, after = pair
    return len(graph.successors(before)) == n_after and graph.predecessor(after) is None


def _same_objects(
    graph: LinkGraph,
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    known: Known,
) -> Costs:
    """Cost of each join of an end to a start that comes a few frames later."""
    n_frames = len(objects)
    ends, starts = graph.ends(), graph.starts()
    costs: dict[tuple[Node, Node], float] = {}
    for t in range(n_frames):
        for later in range(t + 2, min(t + settings.gap_frames + 2, n_frames)):
            i, j = ends.get(t), starts.get(later)
            if i is None or j is None:
                continue
            before, after = objects[t].select(i), objects[later].select(j)
            expected = before.centroids + shifts[t:later].sum(axis=0)
            expected += (
                settings.persistence
                * graph.last_motion(objects, shifts, t, i)
                * (later - t)
            )
            found = candidates(
                before, after, expected, settings, diameter, n_frames=later - t
            )
            for a, b, cost in zip(found.before, found.after, found.costs, strict=True):
                end, start = (t, int(i[a])), (later, int(j[b]))
                if known.may_link(end, start):
                    costs[end, start] = float(cost)
    return costs
