"""The review list of tracks that exist already, from whatever tool."""

from collections.abc import Generator

import numpy as np

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.packed_masks import packed
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.objects import FrameObjects, measure
from napari_segment_anything.tracking.review import Doubt, review
from napari_segment_anything.tracking.track import Track
from napari_segment_anything.tracking.track_planes import TrackPlanes


def review_tracks(
    tracks: TrackPlanes,
) -> Generator[tuple[str, int, int], None, list[Doubt]]:
    """List what is doubtful about tracks, most doubtful first.

    Parameters
    ----------
    tracks : TrackPlanes
        Label images and parents.

    Yields
    ------
    (stage, done, total)
        Stage is ``"review"``; done and total count frames.
    """
    objects: list[FrameObjects] = []
    places: dict[int, list[tuple[int, int]]] = {}
    for frame in range(tracks.n_frames):
        plane, ids = tracks.read(frame), tracks.ids(frame)
        masks = MaskSet.empty((int(plane.shape[0]), int(plane.shape[1])))
        if len(ids):
            masks = packed(MaskSet.from_labels(np.asarray(plane)))
        objects.append(measure(masks))
        for detection, one in enumerate(ids.tolist()):
            places.setdefault(one, []).append((frame, detection))
        yield "review", frame + 1, tracks.n_frames
    found = tuple(
        Track(
            one,
            nodes[0][0],
            nodes[-1][0],
            tracks.parents.get(one, 0),
            tuple(frame for frame, _ in nodes),
            tuple(detection for _, detection in nodes),
        )
        for one, nodes in sorted(places.items())
    )
    doubts = review(Lineage(found), objects)
    return [
        doubt for doubt in doubts if (doubt.frame, doubt.track) not in tracks.locked
    ]
