"""What it costs to call two objects of different frames the same, or three a division.

Costs are sums of Cauchy terms, log(1 + (x / scale)²): a small deviation costs its
square, a large one only its logarithm, because a nucleus that rounds up or jumps is
rare, but not impossible.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

OVERLAP_WEIGHT = 1.0
FEATURE_WEIGHT = 4.0


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of objects that may be the same one.

    Attributes
    ----------
    before, after : (k,) index arrays
        Objects of the earlier and the later frame.
    costs : (k,) float64 array
        What it costs to link them.
    """

    before: IndexArray
    after: IndexArray
    costs: FloatArray

    def select(self, index: IndexArray) -> "Candidates":
        """Return some of the pairs."""
        return Candidates(self.before[index], self.after[index], self.costs[index])


def cauchy(deviation: FloatArray, scale: float) -> FloatArray:
    """Cost of a deviation, log(1 + (x / scale)²)."""
    cost: FloatArray = np.log1p((deviation / scale) ** 2)
    return cost


def size_scale(objects: FrameObjects, diameter: float) -> FloatArray:
    """Length that distances of each object are measured in, pixels.

    A fragment or a condensed nucleus moves as far as a whole one, so no object is
    measured in less than the typical diameter.
    """
    return np.maximum(objects.diameters, diameter)


def reachable_pairs(
    before: FrameObjects,
    after: FrameObjects,
    expected: FloatArray,
    settings: LinkingSettings,
    diameter: float,
) -> tuple[IndexArray, IndexArray]:
    """Pairs no farther apart than `LinkingSettings.max_distance` allows.

    Parameters
    ----------
    expected : (n, 2) array
        Where each object of `before` should be in the later frame, pixels.
    diameter : float
        A typical object's diameter in pixels.
    """
    nothing = np.zeros(0, dtype=np.intp)
    if len(before) == 0 or len(after) == 0:
        return nothing, nothing
    reach = settings.max_distance * size_scale(before, diameter)
    near = cKDTree(after.centroids).query_ball_point(expected, reach)
    counts = [len(found) for found in near]
    i = np.repeat(np.arange(len(before)), counts)
    j = np.concatenate([np.asarray(found, dtype=np.intp) for found in near])
    return i, j


def shifted_overlap(
    before: FrameObjects,
    after: FrameObjects,
    pairs: tuple[IndexArray, IndexArray],
    displacement: FloatArray,
) -> FloatArray:
    """Pixels shared by each pair after the earlier object is moved.

    Parameters
    ----------
    pairs : tuple of (k,) index arrays
        Objects of `before` and `after`.
    displacement : (n, 2) array
        Of each object of `before`, pixels; rounded to whole ones.

    Returns
    -------
    (k,) float64 array
    """
    i, j = pairs
    shift = np.rint(displacement).astype(np.int64)
    a = np.asarray(before.mask_set.boxes, dtype=np.int64)[i] + np.tile(shift[i], 2)
    b = np.asarray(after.mask_set.boxes, dtype=np.int64)[j]
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, 2:], b[:, 2:])
    shared = np.zeros(len(i))
    for k in np.flatnonzero((high > low).all(axis=1)):
        size = high[k] - low[k]
        y, x = low[k] - a[k, :2]
        v, u = low[k] - b[k, :2]
        first = before.mask_set.masks[i[k]][y : y + size[0], x : x + size[1]]
        second = after.mask_set.masks[j[k]][v : v + size[0], u : u + size[1]]
        shared[k] = np.count_nonzero(first & second)
    return shared


def link_costs(
    before: FrameObjects,
    after: FrameObjects,
    pairs: tuple[IndexArray, IndexArray],
    expected: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    *,
    n_frames: int = 1,
) -> FloatArray:
    """Cost of linking each pair: distance, overlap, area and embedding.

    Parameters
    ----------
    n_frames : int
        Frames between the two; objects that wander get farther with its root.
    """
    i, j = pairs
    offset = after.centroids[j] - expected[i]
    size = np.maximum(size_scale(before, diameter)[i], after.diameters[j])
    distance = np.hypot(offset[:, 0], offset[:, 1]) / size
    shared = shifted_overlap(before, after, pairs, expected - before.centroids)
    smaller = np.minimum(before.areas[i], after.areas[j])
    ratio = np.log(after.areas[j] / before.areas[i])
    costs = (
        cauchy(distance, settings.motion_scale * np.sqrt(n_frames))
        + OVERLAP_WEIGHT * (1 - np.minimum(shared / smaller, 1.0))
        + cauchy(ratio, settings.area_scale)
    )
    if before.features is not None and after.features is not None:
        cosine = (before.features[i] * after.features[j]).sum(axis=1)
        costs += FEATURE_WEIGHT * (1 - cosine)
    return costs


def candidates(
    before: FrameObjects,
    after: FrameObjects,
    expected: FloatArray,
    settings: LinkingSettings,
    diameter: float,
    *,
    n_frames: int = 1,
) -> Candidates:
    """Pairs whose link costs less than leaving both without a partner."""
    pairs = reachable_pairs(before, after, expected, settings, diameter)
    costs = link_costs(
        before, after, pairs, expected, settings, diameter, n_frames=n_frames
    )
    is_worth = costs < settings.unlinked_cost
    return Candidates(pairs[0][is_worth], pairs[1][is_worth], costs[is_worth])
