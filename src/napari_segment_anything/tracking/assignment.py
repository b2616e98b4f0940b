"""The cheapest consistent choice of links and divisions between two frames."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from napari_segment_anything.tracking.affinity import Candidates
from napari_segment_anything.tracking.division import Divisions

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]


def assign(
    links: Candidates,
    divisions: Divisions,
    end_costs: FloatArray,
    start_costs: FloatArray,
    *,
    division_cost: float,
) -> tuple[BoolArray, BoolArray]:
    """Choose links and divisions so that each object is used at most once.

    An integer linear programme: every choice saves the ends and starts that it makes
    needless, and costs what it costs. Without divisions it is the linear assignment
    problem, whose relaxation is integral already; with them nearly so, hence fast.

    Parameters
    ----------
    links, divisions : Candidates, Divisions
        What may be chosen.
    end_costs : (n,) array
        Cost of leaving each earlier object without a successor.
    start_costs : (m,) array
        Cost of leaving each later object without a predecessor.
    division_cost : float
        Added to the cost of each division.

    Returns
    -------
    chosen_links, chosen_divisions : bool arrays
    """
    first, second = divisions.daughters.reshape(-1, 2).T
    savings = np.concatenate(
        [
            end_costs[links.before] + start_costs[links.after] - links.costs,
            end_costs[divisions.mothers]
            + start_costs[first]
            + start_costs[second]
            - divisions.costs
            - division_cost,
        ]
    )
    chosen = np.zeros(len(savings), dtype=bool)
    useful = np.flatnonzero(savings > 0)
    # Most objects have one partner, which has no other: nothing is to be decided.
    lonely = _without_rivals(links, divisions, useful, len(end_costs), len(start_costs))
    chosen[lonely] = True
    useful = np.setdiff1d(useful, lonely, assume_unique=True)
    if len(useful):
        n_links, n_divisions = len(links.costs), len(divisions.costs)
        columns = np.arange(n_links + n_divisions)
        rows = np.concatenate(
            [
                links.before,
                divisions.mothers,
                len(end_costs) + links.after,
                len(end_costs) + first,
                len(end_costs) + second,
            ]
        )
        uses = coo_array(
            (
                np.ones(len(rows)),
                (
                    rows,
                    np.concatenate(
                        [columns, columns[:n_links], *2 * [columns[n_links:]]]
                    ),
                ),
            ),
            shape=(len(end_costs) + len(start_costs), len(columns)),
        ).tocsc()[:, useful]
        solution = milp(
            -savings[useful],
            integrality=np.ones(len(useful)),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(uses, -np.inf, 1),
        )
        chosen[useful] = np.asarray(solution.x) > 0.5
    return chosen[: len(links.costs)], chosen[len(links.costs) :]


def _without_rivals(
    links: Candidates, divisions: Divisions, useful: IndexArray, n: int, m: int
) -> IndexArray:
    """Find useful links whose two objects occur in no other useful choice."""
    n_links = len(links.costs)
    picked = useful[useful < n_links]
    divided = useful[useful >= n_links] - n_links
    earlier = np.bincount(links.before[picked], minlength=n) + np.bincount(
        divisions.mothers[divided], minlength=n
    )
    later = np.bincount(links.after[picked], minlength=m) + np.bincount(
        divisions.daughters.reshape(-1, 2)[divided].ravel(), minlength=m
    )
    is_alone = (earlier[links.before[picked]] == 1) & (later[links.after[picked]] == 1)
    lonely: IndexArray = picked[is_alone]
    return lonely
