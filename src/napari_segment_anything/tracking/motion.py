"""How objects move from one frame to the next, estimated from their centres."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]


def mutual_nearest(
    before: FloatArray, after: FloatArray, max_distance: float
) -> tuple[IndexArray, IndexArray]:
    """Pairs of points that are each other's nearest neighbour.

    Parameters
    ----------
    before, after : (n, 2) and (m, 2) arrays
        Points in pixels.
    max_distance : float
        In pixels.

    Returns
    -------
    i, j : index arrays
        Indices into `before` and `after`, one pair a row.
    """
    if len(before) == 0 or len(after) == 0:
        nothing = np.zeros(0, dtype=np.intp)
        return nothing, nothing
    distance, to_after = cKDTree(after).query(before)
    _, to_before = cKDTree(before).query(after)
    i = np.arange(len(before))
    is_mutual = (to_before[to_after] == i) & (distance <= max_distance)
    return i[is_mutual], to_after[is_mutual].astype(np.intp)


def global_displacement(
    before: FloatArray, after: FloatArray, *, scale: float, reach: float = 6.0
) -> FloatArray:
    """Displacement (dy, dx) that the whole frame made, as a moved stage does.

    All differences between the two sets of points vote; the peak competes with no
    motion at all, and must bring clearly more points onto a partner to win.

    Parameters
    ----------
    before, after : (n, 2) and (m, 2) arrays
        Centres in pixels.
    scale : float
        A typical object's diameter in pixels.
    reach : float
        Largest displacement looked for, in diameters.

    Returns
    -------
    (2,) float64 array
        In pixels; zero when there are too few points to tell.
    """
    zero = np.zeros(2)
    i, _ = mutual_nearest(before, after, 0.5 * scale)
    still = len(i)
    peak = _voted_displacement(before, after, scale, reach)
    moved = len(mutual_nearest(before + peak, after, 0.5 * scale)[0])
    best = peak if moved > 1.2 * still + 2 else zero
    i, j = mutual_nearest(before + best, after, 0.5 * scale)
    if len(i) < 4:
        return best
    displacement: FloatArray = np.median(after[j] - before[i], axis=0)
    return displacement


def _voted_displacement(
    before: FloatArray, after: FloatArray, scale: float, reach: float
) -> FloatArray:
    """Peak of the histogram of all differences within reach."""
    radius = reach * scale
    if len(before) == 0 or len(after) == 0:
        return np.zeros(2)
    pairs = cKDTree(before).sparse_distance_matrix(
        cKDTree(after), radius, output_type="coo_matrix"
    )
    if pairs.nnz == 0:
        return np.zeros(2)
    differences = after[pairs.col] - before[pairs.row]
    n_bins = 2 * int(np.ceil(4 * reach)) + 1
    votes, edges, _ = np.histogram2d(
        differences[:, 0],
        differences[:, 1],
        bins=n_bins,
        range=[[-radius, radius], [-radius, radius]],
    )
    smooth = gaussian_filter(votes, 1.0, mode="constant")
    row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
    centres = (edges[:-1] + edges[1:]) / 2
    return np.array([centres[row], centres[column]])


def neighbour_motion(
    points: FloatArray,
    moved: IndexArray,
    displacements: FloatArray,
    *,
    n_neighbours: int = 8,
) -> FloatArray:
    """Median displacement of the neighbours of each point, itself left out.

    Parameters
    ----------
    points : (n, 2) array
        Centres in pixels.
    moved : (k,) index array
        Points whose displacement is known.
    displacements : (k, 2) array
        Theirs, in pixels.
    n_neighbours : int
        How many neighbours are asked.

    Returns
    -------
    (n, 2) float64 array
        Zero where fewer than three neighbours are known.
    """
    if len(moved) < 4:
        return np.zeros_like(points)
    k = min(n_neighbours + 1, len(moved))
    _, nearest = cKDTree(points[moved]).query(points, k=k)
    near = displacements[nearest].astype(np.float64)
    is_self = moved[nearest] == np.arange(len(points))[:, None]
    near[is_self] = np.nan
    motion: FloatArray = np.nanmedian(near, axis=1)
    return motion


def regression_slope(predictor: FloatArray, response: FloatArray) -> float:
    """Slope in 0..1 of the response on the predictor, through the origin.

    0 where the predictor says nothing, as with objects that wander at random; 1 where
    it says all.
    """
    power = float((predictor * predictor).sum())
    if power <= 0 or len(predictor) < 5:
        return 0.0
    return float(np.clip((predictor * response).sum() / power, 0.0, 1.0))
