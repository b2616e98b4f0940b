"""Of all tracks, those that belong to objects which somebody has pointed out."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.propagation import TrackingResult

Node = tuple[int, int]


def family(lineage: Lineage, wanted: Collection[Node]) -> set[int]:
    """Ids of the tracks of some detections, of their ancestors and descendants."""
    ids = {lineage.track_of(*node) for node in wanted} - {0}
    found = set(ids)
    for track_id in ids:
        while parent := lineage.by_id[track_id].parent:
            found.add(parent)
            track_id = parent
    waiting = list(ids)
    while waiting:
        children = lineage.children.get(waiting.pop(), ())
        waiting += [child for child in children if child not in found]
        found.update(children)
    return found


def only_followed(result: TrackingResult, wanted: Collection[Node]) -> TrackingResult:
    """Leave out masks and tracks that have nothing to do with some detections.

    Parameters
    ----------
    result : TrackingResult
        Of everything.
    wanted : collection of (frame, detection)
        Masks before repair.
    """
    now = {
        (frame, int(old)): (frame, new)
        for frame, origins in enumerate(result.origins)
        for new, old in enumerate(origins)
        if old >= 0
    }
    kept_ids = family(result.lineage, [now[n] for n in wanted if n in now])
    kept = {
        frame: [
            k
            for k in range(len(masks))
            if result.lineage.track_of(frame, k) in kept_ids
        ]
        for frame, masks in enumerate(result.frames)
    }
    place = {
        (frame, old): (frame, new)
        for frame, olds in kept.items()
        for new, old in enumerate(olds)
    }
    tracks = []
    for track in result.lineage.tracks:
        if track.id in kept_ids:
            detections = tuple(place[node][1] for node in track.nodes)
            parent = track.parent if track.parent in kept_ids else 0
            tracks.append(replace(track, detections=detections, parent=parent))
    return replace(
        result,
        frames=[masks.select(kept[t]) for t, masks in enumerate(result.frames)],
        lineage=Lineage(tuple(tracks)),
        repairs={place[n]: r for n, r in result.repairs.items() if n in place},
        doubts=[d for d in result.doubts if d.track in kept_ids],
        known=result.known.renumbered(kept),
        origins=[
            np.asarray(origins)[kept[t]] for t, origins in enumerate(result.origins)
        ],
    )
