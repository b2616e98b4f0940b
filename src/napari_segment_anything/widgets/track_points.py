"""Where tracked objects are, as napari's Tracks want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.mask_scores import MaskScores

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.tracking.correction import EditableTracks


@dataclass(frozen=True, eq=False)
class TrackPoints:
    """The objects of one movie, one after the other, by track, then frame.

    Parameters
    ----------
    data : (n, 4) array
        Track id, frame, y, x in pixels.
    graph : mapping of int to list of int
        Parent of each track that has one.
    features : mapping of str to (n,) array
        ``area``, ``confidence``, ``is_repaired`` and ``parent_id``, all numbers. Masks
        that no model has made are as sure as can be.
    repairs : tuple of (track, frame, word, confidence)
        Masks that repair has made.
    """

    data: npt.NDArray[np.float64]
    graph: Mapping[int, list[int]]
    features: Mapping[str, npt.NDArray[np.float64]]
    repairs: tuple[tuple[int, int, str, float], ...] = ()


def track_points(
    tracks: EditableTracks, scores: MaskScores | None = None, position: Position = ()
) -> TrackPoints:
    """Look where the objects of a movie are.

    Parameters
    ----------
    tracks : EditableTracks
        Of the movie.
    scores : MaskScores, optional
        How sure the model was of the masks.
    position : tuple of int
        Where the movie lies on the axes beside the tracked one.
    """
    rows, repairs = [np.zeros((0, 7))], []
    for frame in range(tracks.n_frames):
        plane = tracks.read(frame)
        ids, centres = centres_of(plane)
        areas = np.bincount(plane[plane > 0], minlength=1)[ids] if len(ids) else ids
        sure, made = np.ones(len(ids)), np.zeros(len(ids))
        if scores is not None:
            known = scores.of(position, frame, centres, areas)
            sure = np.nan_to_num(known["confidence"], nan=1.0).astype(float)
            made = known["is_repaired"].astype(float)
            repairs += [
                (int(one), frame, str(word), float(confidence))
                for one, word, confidence in zip(
                    ids, known["repair"], sure, strict=True
                )
                if word
            ]
        at = np.full(len(ids), frame)
        rows.append(np.column_stack([ids, at, centres, areas, sure, made]))
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    parents = [tracks.parents.get(int(one), 0) for one in table[:, 0]]
    features = {
        "area": table[:, 4],
        "confidence": table[:, 5],
        "is_repaired": table[:, 6],
        "parent_id": np.array(parents, np.float64),
    }
    graph = {child: [parent] for child, parent in tracks.parents.items()}
    return TrackPoints(table[:, :4], graph, features, tuple(sorted(repairs)))


def centres_of(
    plane: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ids of a label image, ascending, and their centres (y, x)."""
    y, x = np.nonzero(plane)
    ids, place = np.unique(plane[y, x], return_inverse=True)
    n = np.bincount(place, minlength=len(ids)).clip(1)
    centres = [np.bincount(place, v, minlength=len(ids)) / n for v in (y, x)]
    return ids.astype(np.int64), np.stack(centres, axis=1).reshape(-1, 2)
