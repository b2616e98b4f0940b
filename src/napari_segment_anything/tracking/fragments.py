"""Masks that fall apart for a moment, and how other frames tell that they did.

The halves of a mask that fell apart have its outline together, and in other frames it
is whole. Daughters move away from each other, so that together they have another
outline than their mother, and stay two.
"""

import itertools
from collections.abc import Collection, Sequence

import numpy as np
from scipy.spatial import cKDTree

from napari_segment_anything.tracking.affinity import FloatArray, shifted_overlap
from napari_segment_anything.tracking.graph import Node
from napari_segment_anything.tracking.objects import FrameObjects

# A mask that covers this part of both of two others holds both.
COVERED = 0.5
# Two masks go on for themselves where different ones cover this part of each.
SEEN_AGAIN = 0.3
# Intersection over union of two masks together with a third one of the same outline;
# rarely do daughters have more with their mother.
SIMILAR_OUTLINE = 0.65
# A piece is smaller than the whole by this factor at least.
LESS = 0.8
# So many frames before and after are asked whether they see one object or two.
REACH = 2


def fragments_of(
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    frame: int,
    kept: Collection[Node] = (),
) -> frozenset[int]:
    """Find detections of a frame that are but pieces of objects.

    Of the pieces of an object, all but the largest. Most of the frames around must see
    one object there, among them a neighbouring one.

    Parameters
    ----------
    objects : sequence of FrameObjects
        Of each frame.
    shifts : (n_frames - 1, 2) array
        How each frame moves to the next, pixels.
    frame : int
        Which one.
    kept : collection of (frame, detection)
        Masks that are right as they are.
    """
    pairs: set[tuple[int, int]] = set()
    for other in (frame - 1, frame + 1):
        if 0 <= other < len(objects):
            pairs |= _inside_one(objects, shifts, frame, other)
    pieces = set()
    areas = objects[frame].areas
    for pair in sorted(pairs):
        if any((frame, k) in kept for k in pair):
            continue
        others = [
            t
            for t in range(frame - REACH, frame + REACH + 1)
            if t != frame and 0 <= t < len(objects)
        ]
        seen = [n_seen(objects, shifts, frame, pair, t)[0] for t in others]
        if seen.count(1) > max(seen.count(2), min(len(others), 2) - 1):
            pieces.add(min(pair, key=lambda k: (areas[k], k)))
    return frozenset(pieces)


def n_seen(
    objects: Sequence[FrameObjects],
    shifts: FloatArray,
    frame: int,
    pair: Sequence[int],
    other: int,
) -> tuple[int, int | None]:
    """How many objects another frame has where this one has two; 0 if it cannot tell.

    Returns
    -------
    count : int
    whole : int or None
        The one detection of the other frame.
    """
    here, there = objects[frame], objects[other]
    n = len(there)
    if n == 0:
        return 0, None
    way = np.broadcast_to(shift_between(shifts, frame, other), (len(here), 2))
    best, parts = [], []
    for k in pair:
        ks = (np.full(n, k), np.arange(n))
        shared = shifted_overlap(here, there, ks, way) / here.areas[k]
        best.append(int(shared.argmax()))
        parts.append(float(shared.max()))
    if best[0] == best[1]:
        return (1, best[0]) if min(parts) > COVERED else (0, None)
    return (2, None) if min(parts) > SEEN_AGAIN else (0, None)


def common_outline(
    objects: Sequence[FrameObjects], whole: Node, parts: Sequence[Node]
) -> float:
    """Intersection over union of a mask with several of another frame together.

    Their centre of mass is moved onto the mask's own, so that motion does not count.
    """
    one, other = objects[whole[0]], objects[parts[0][0]]
    ks = [k for _, k in parts]
    areas = other.areas[ks]
    centre = (areas[:, None] * other.centroids[ks]).sum(axis=0) / areas.sum()
    way = np.zeros((len(one), 2))
    way[whole[1]] = centre - one.centroids[whole[1]]
    pairs = (np.full(len(ks), whole[1]), np.array(ks))
    shared = shifted_overlap(one, other, pairs, way).sum()
    return float(shared / (one.areas[whole[1]] + areas.sum() - shared))


def shift_between(shifts: FloatArray, frame: int, other: int) -> FloatArray:
    """How the whole picture moves from one frame to another, pixels."""
    way: FloatArray = shifts[min(frame, other) : max(frame, other)].sum(axis=0)
    return way if frame < other else -way


def _inside_one(
    objects: Sequence[FrameObjects], shifts: FloatArray, frame: int, other: int
) -> set[tuple[int, int]]:
    """Pairs of detections that have, together, the outline of one of another frame."""
    here, there = objects[frame], objects[other]
    if len(here) < 2 or len(there) == 0:
        return set()
    way = shift_between(shifts, frame, other)
    near = cKDTree(here.centroids + way).query_ball_point(
        there.centroids, 0.6 * there.diameters
    )
    found = set()
    for whole, ks in enumerate(near):
        small = sorted(k for k in ks if here.areas[k] < LESS * there.areas[whole])
        for pair in itertools.combinations(small, 2):
            parts = [(frame, k) for k in pair]
            if common_outline(objects, (other, whole), parts) > SIMILAR_OUTLINE:
                found.add(pair)
    return found
