"""Objects that no single frame shows surely enough, but several in a row alike.

As in hysteresis thresholding, but through time: a mask below the thresholds counts if
the frames before and after have the same one, or one of them surely. Noise has another
shape in each frame.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.motion import FloatArray, global_displacement
from napari_segment_anything.tracking.moved import moved_masks
from napari_segment_anything.tracking.objects import measure
from napari_segment_anything.tracking.settings import typical_diameter

# Intersection over union of two masks of neighbouring frames that are alike.
ALIKE = 0.6


def lasting(
    faint: Sequence[MaskSet], sure: Sequence[MaskSet], *, min_frames: int
) -> list[MaskSet]:
    """Of faint masks, those alike in several frames in a row, or alike to a sure one.

    Parameters
    ----------
    faint : sequence of MaskSet
        Masks of each frame that are not sure enough; they overlap no others.
    sure : sequence of MaskSet
        Masks of each frame that are; they tell how the whole frame moves.
    min_frames : int
        In how many frames in a row an object must be seen, unless the frame before or
        after shows it surely.

    Returns
    -------
    list of MaskSet
        One a frame.
    """

    @cache
    def shift(t: int, other: int) -> FloatArray:
        return _shift(sure[t], sure[other])

    def is_sure_at(node: tuple[int, int], beyond: int) -> bool:
        """Whether a faint mask is alike to a sure one of a neighbouring frame."""
        t, k = node
        if not 0 <= beyond < len(sure) or len(sure[beyond]) == 0:
            return False
        one = faint[t].select([k])
        return bool(_alike(one, sure[beyond], shift(t, beyond)))

    runs: list[list[tuple[int, int]]] = []
    # Which run each mask of the frame before belongs to.
    current: dict[int, list[tuple[int, int]]] = {}
    for t, masks in enumerate(faint):
        pairs = {}
        if t and len(masks) and len(faint[t - 1]):
            pairs = _alike(faint[t - 1], masks, shift(t - 1, t))
        following = {}
        for k in range(len(masks)):
            run = current[pairs[k]] if k in pairs else []
            if not run:
                runs.append(run)
            run.append((t, k))
            following[k] = run
        current = following
    kept: list[list[int]] = [[] for _ in faint]
    for run in runs:
        first, last = run[0], run[-1]
        if (
            len(run) >= min_frames
            or is_sure_at(first, first[0] - 1)
            or is_sure_at(last, last[0] + 1)
        ):
            for t, k in run:
                kept[t].append(k)
    return [masks.select(sorted(ks)) for masks, ks in zip(faint, kept, strict=True)]


def _shift(before: MaskSet, after: MaskSet) -> FloatArray:
    objects = [measure(before), measure(after)]
    return global_displacement(
        objects[0].centroids, objects[1].centroids, scale=typical_diameter(objects)
    )


def _alike(before: MaskSet, after: MaskSet, shift: FloatArray) -> dict[int, int]:
    """Later mask → earlier mask where each is the other's best match."""
    overlap = np.zeros((len(before), len(after)))
    for i in range(len(before)):
        moved = moved_masks(before, [i], shift)
        if len(moved):
            overlap[i] = moved.overlap_matrix(after)[0]
    best_after, best_before = overlap.argmax(axis=1), overlap.argmax(axis=0)
    return {
        int(j): i
        for i, j in enumerate(best_after)
        if overlap[i, j] >= ALIKE and best_before[j] == i
    }
