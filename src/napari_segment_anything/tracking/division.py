"""Which three objects of two frames may be a mother and her daughters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.tracking.affinity import (
    FloatArray,
    IndexArray,
    cauchy,
    reachable_pairs,
    size_scale,
)
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings

# Measures of a division: daughters lie on either side of where the mother was, are
# alike, and have together about her area.
MIDPOINT_SCALE = 0.3
SIBLING_AREA_SCALE = 0.3
TOTAL_AREA_SCALE = 0.5
OPPOSITION_WEIGHT = 1.0
MAX_SIBLING_RATIO = 4.0
MAX_GROWTH = 3.5
N_NEAREST = 6


@dataclass(frozen=True, eq=False)
class Divisions:
    """Possible divisions between two frames.

    Attributes
    ----------
    mothers : (k,) index array
        Objects of the earlier frame.
    daughters : (k, 2) index array
        Objects of the later frame.
    costs : (k,) float64 array
        What each division costs.
    """

    mothers: IndexArray
    daughters: npt.NDArray[np.intp]
    costs: FloatArray

    def select(self, index: IndexArray) -> "Divisions":
        """Return some of the divisions."""
        return Divisions(self.mothers[index], self.daughters[index], self.costs[index])


def no_divisions() -> Divisions:
    """Return the empty list, for objects that do not divide."""
    nothing = np.zeros(0, dtype=np.intp)
    return Divisions(nothing, nothing.reshape(0, 2), np.zeros(0))


def possible_divisions(
    before: FrameObjects,
    after: FrameObjects,
    expected: FloatArray,
    settings: LinkingSettings,
    diameter: float,
) -> Divisions:
    """List the triples that look like a division, with their costs.

    Parameters
    ----------
    before, after : FrameObjects
        Of consecutive frames.
    expected : (n, 2) array
        Where each object of `before` should be in the later frame, pixels.
    settings : LinkingSettings
        `max_distance` bounds how far a daughter lies from her mother.
    diameter : float
        A typical object's diameter, pixels.
    """
    i, j = reachable_pairs(before, after, expected, settings, diameter)
    mothers, first, second = _triples(i, j, after.centroids, expected)
    scale = size_scale(before, diameter)[mothers]
    costs = division_costs(
        (after.centroids[first] - expected[mothers]) / scale[:, None],
        (after.centroids[second] - expected[mothers]) / scale[:, None],
        before.areas[mothers],
        after.areas[first],
        after.areas[second],
    )
    is_plausible = costs < 2 * settings.unlinked_cost
    return Divisions(
        mothers[is_plausible],
        np.stack([first, second], axis=1)[is_plausible],
        costs[is_plausible],
    )


def division_costs(
    to_first: FloatArray,
    to_second: FloatArray,
    mother_areas: FloatArray,
    first_areas: FloatArray,
    second_areas: FloatArray,
) -> FloatArray:
    """Cost of each of k divisions, by the place and the size of the daughters.

    Parameters
    ----------
    to_first, to_second : (k, 2) arrays
        From where the mother should be to each daughter, in diameters.
    mother_areas, first_areas, second_areas : (k,) arrays
        Pixels.

    Returns
    -------
    (k,) float64 array
        Infinite where daughters are too unlike or have grown too much.
    """
    midpoint = np.linalg.norm(to_first + to_second, axis=1) / 2
    separation = np.linalg.norm(to_first - to_second, axis=1)
    # 1 when the mother's place lies between the daughters, 0 when beside both.
    reach = np.linalg.norm(to_first, axis=1) + np.linalg.norm(to_second, axis=1)
    between = separation / np.maximum(reach, 1e-9)
    sibling = np.log(first_areas / second_areas)
    total = np.log((first_areas + second_areas) / mother_areas)
    costs = (
        1.5 * cauchy(midpoint, MIDPOINT_SCALE)
        + cauchy(sibling, SIBLING_AREA_SCALE)
        + cauchy(total, TOTAL_AREA_SCALE)
        + OPPOSITION_WEIGHT * 4 * (1 - between)
    )
    is_plausible = (np.abs(sibling) < np.log(MAX_SIBLING_RATIO)) & (
        np.abs(total) < np.log(MAX_GROWTH)
    )
    return np.where(is_plausible, costs, np.inf)


def _triples(
    i: IndexArray, j: IndexArray, centroids: FloatArray, expected: FloatArray
) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Every mother with every two of the objects that are nearest to her."""
    distance = np.linalg.norm(centroids[j] - expected[i], axis=1)
    order = np.lexsort((distance, i))
    mothers, daughters = i[order], j[order]
    starts = np.flatnonzero(np.diff(mothers, prepend=-1))
    # How many nearer objects each of a mother's objects has before it.
    rank = np.arange(len(mothers)) - np.repeat(
        starts, np.diff(np.append(starts, len(mothers)))
    )
    is_near = rank < N_NEAREST
    mothers, daughters, rank = mothers[is_near], daughters[is_near], rank[is_near]
    # Each object pairs with all that come before it with the same mother.
    second = np.repeat(np.arange(len(mothers)), rank)
    first = second - _ranges(rank) - 1
    return mothers[second], daughters[first], daughters[second]


def _ranges(lengths: IndexArray) -> IndexArray:
    """0 … n - 1 for each length n, one after the other."""
    ends = np.cumsum(lengths)
    ranges: IndexArray = np.arange(ends[-1] if len(ends) else 0) - np.repeat(
        ends - lengths, lengths
    )
    return ranges
