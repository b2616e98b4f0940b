"""Masks that lie where a known track is hidden belong to it."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.known import Known, Link, Node
from napari_segment_anything.tracking.moved import moved_masks
from napari_segment_anything.tracking.objects import FrameObjects

# Of masks that do not overlap, one alone can have this IoU with what is expected.
SAME = 0.5


def with_filled_gaps(
    known: Known, frames: Sequence[MaskSet], objects: Sequence[FrameObjects]
) -> Known:
    """Let known tracks take the masks that lie in their gaps, found or repaired.

    Parameters
    ----------
    known : Known
        Masks of which nothing is known are taken.
    frames, objects : sequences
        Masks and measured objects of each frame.

    Returns
    -------
    Known
        Each gap is followed through the masks in it; they have the id of the track.
    """
    gaps = [
        (before, after)
        for before, after in known.links
        if after[0] > before[0] + 1
        and before in known.ids
        and known.ids[before] == known.ids.get(after)
    ]
    if not gaps:
        return known
    ids, links = dict(known.ids), set(known.links)
    for link in sorted(gaps):
        inside = [
            node
            for node in _masks_inside(link, frames, objects, known.objects)
            if node not in ids
        ]
        if inside:
            links.remove(link)
            links.update(itertools.pairwise((link[0], *inside, link[1])))
            ids.update(dict.fromkeys(inside, known.ids[link[0]]))
    if len(ids) == len(known.ids):
        return known
    return replace(known, ids=ids, links=frozenset(links))


def _masks_inside(
    gap: Link,
    frames: Sequence[MaskSet],
    objects: Sequence[FrameObjects],
    taken: Collection[Node],
) -> Iterator[Node]:
    """Masks between two of one track, each where the object should be."""
    (t, a), (later, b) = gap
    start = objects[t].centroids[a]
    way = objects[later].centroids[b] - start
    reach = np.sqrt(objects[t].areas[a])
    for frame in range(t + 1, later):
        moved = way * (frame - t) / (later - t)
        distance = np.hypot(*(objects[frame].centroids - start - moved).T)
        near = [
            k
            for k in np.flatnonzero(distance < reach).tolist()
            if (frame, k) not in taken
        ]
        expected = moved_masks(frames[t], [a], moved)
        if not near or len(expected) == 0:
            continue
        there = frames[frame].select(near)
        shared = expected.intersection_matrix(there)[0]
        iou = shared / np.maximum(expected.areas[0] + there.areas - shared, 1)
        if iou.max() > SAME:
            yield frame, near[int(iou.argmax())]
