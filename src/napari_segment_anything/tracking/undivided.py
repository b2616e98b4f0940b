"""Cells that are still one: the parts of a nucleus part before the cell does.

Where chromosomes separate inside of a cell, a single frame shows two objects as well as
one. Time tells which: what belongs together keeps its area.
"""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.contradiction import Break
from napari_segment_anything.tracking.expectations import Expectations
from napari_segment_anything.tracking.known import Known
from napari_segment_anything.tracking.track import Track

# Daughters are as large as they will be in most of so many frames.
N_AFTER = 3
# By so much one object must be likelier: joining takes an object away.
MIN_ADVANTAGE = 0.1


def undivided(there: Expectations, mother: int, known: Known) -> Iterator[Break]:
    """Ask whether two daughters are still one object where they are first seen.

    Parameters
    ----------
    there : Expectations
        The movie.
    mother : int
        Id of a track.
    known : Known
        What is right as it is.
    """
    by_id = there.lineage.by_id
    daughters = [by_id[child] for child in there.lineage.children.get(mother, ())]
    if len(daughters) != 2:
        return
    last, firsts = by_id[mother].nodes[-1], [d.nodes[0] for d in daughters]
    frame = firsts[0][0]
    after = _areas_after(there, daughters)
    if firsts[1][0] != frame or not after:
        return
    if last in known.with_successor or any(node in known.ids for node in firsts):
        return
    parts = there.frames[frame].select([k for _, k in firsts])
    yield Break(
        "divided",
        frame,
        convex_hull(parts),
        (firsts[0][1], firsts[1][1]),
        areas=(
            float(there.objects[last[0]].areas[last[1]]),
            float(np.median(after)),
        ),
    )


def _areas_after(there: Expectations, daughters: Sequence[Track]) -> list[float]:
    """Area of both daughters together in the next frames that have both."""
    totals: dict[int, list[float]] = {}
    for daughter in daughters:
        for t, k in daughter.nodes[1 : 1 + N_AFTER]:
            totals.setdefault(t, []).append(float(there.objects[t].areas[k]))
    return [sum(areas) for areas in totals.values() if len(areas) == len(daughters)]


def is_still_one(whole: MaskSet, parts: MaskSet, around: tuple[float, float]) -> bool:
    """Whether one mask is likelier than the two that lie in it.

    What the whole lacks in predicted IoU, it must make up in consistency: how much less
    the logarithm of the area changes from the mother before to the daughters after.
    Where the area only grows, or only shrinks, predicted IoU alone decides. Two
    objects have the benefit of the doubt.

    Parameters
    ----------
    whole, parts : MaskSet
        One mask, and two.
    around : (float, float)
        Areas of the mother before and of both daughters after, pixels.
    """
    before, after = np.log(around)

    def change(masks: MaskSet) -> float:
        area = np.log(max(float(masks.areas.sum()), 1.0))
        return float(abs(area - before) + abs(after - area))

    surer = float(whole.predicted_iou[0] - parts.predicted_iou.mean())
    return change(parts) - change(whole) + surer >= MIN_ADVANTAGE


def convex_hull(parts: MaskSet) -> MaskSet:
    """Return one mask: the convex hull of all, or their box where they are a line."""
    pixels = np.concatenate(
        [
            np.argwhere(mask) + np.asarray(box[:2])
            for mask, box in zip(parts.masks, parts.boxes, strict=True)
        ]
    )
    low, high = pixels.min(axis=0), pixels.max(axis=0) + 1
    mask = np.ones(high - low, bool)
    with contextlib.suppress(QhullError):  # a line or a single pixel has no hull
        mask = _inside(ConvexHull(pixels - low), mask.shape)
    return MaskSet.from_masks(parts.shape, [(*low, *high)], [mask])


def _inside(hull: ConvexHull, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Pixels whose centres lie in a hull."""
    inside = np.ones(shape, bool)
    y, x = np.indices(shape)
    for a, b, offset in hull.equations:
        inside &= a * y + b * x + offset <= 1e-6
    return inside
