"""Where tracked objects are, as napari's Tracks want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from napari_segment_anything.batch.mask_scores import MaskScores
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


@dataclass(frozen=True, eq=False)
class FramePoints:
    """The objects of one frame, as they were after so many changes of it."""

    n_changes: int
    rows: npt.NDArray[np.float64]
    repairs: list[tuple[int, int, str, float]]


def track_points(
    tracks: EditableTracks,
    scores: MaskScores | None = None,
    position: Position = (),
    known: dict[tuple[Position, int], FramePoints] | None = None,
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
    known : dict, optional
        Frames that were looked at before; those that have changed are replaced.
    """
    known = {} if known is None else known
    frames = []
    for frame in tracks.frames:
        before, n_changes = known.get((position, frame)), tracks.n_changes(frame)
        if before is None or before.n_changes != n_changes:
            before = _frame_points(
                tracks.read(frame), frame, n_changes, scores, position
            )
            known[position, frame] = before
        frames.append(before)
    table = np.concatenate([np.zeros((0, 7)), *(one.rows for one in frames)])
    repairs = [repair for one in frames for repair in one.repairs]
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


def _frame_points(
    plane: npt.NDArray[np.integer],
    frame: int,
    n_changes: int,
    scores: MaskScores | None,
    position: Position,
) -> FramePoints:
    ids, centres = centres_of(plane)
    areas = np.bincount(plane[plane > 0], minlength=1)[ids] if len(ids) else ids
    sure, made = np.ones(len(ids)), np.zeros(len(ids))
    repairs: list[tuple[int, int, str, float]] = []
    if scores is not None:
        found = scores.of(position, frame, centres, areas)
        sure = np.nan_to_num(found["confidence"].astype(np.float64), nan=1.0)
        made = found["is_repaired"].astype(np.float64)
        repairs = [
            (int(one), frame, str(word), float(confidence))
            for one, word, confidence in zip(ids, found["repair"], sure, strict=True)
            if word
        ]
    at = np.full(len(ids), frame)
    rows = np.column_stack([ids, at, centres, areas, sure, made])
    return FramePoints(n_changes, rows, repairs)


def centres_of(
    plane: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Ids of a label image, ascending, and their centres (y, x)."""
    y, x = np.nonzero(plane)
    ids, place = np.unique(plane[y, x], return_inverse=True)
    n = np.bincount(place, minlength=len(ids)).clip(1)
    centres = [np.bincount(place, v, minlength=len(ids)) / n for v in (y, x)]
    return ids.astype(np.int64), np.stack(centres, axis=1).reshape(-1, 2)
