"""Tracks as a graph of objects and links, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.storage.geff import GeffGraph

# What a graph says otherwise, or GEFF holds no arrays of.
_NO_PROPERTIES = ("parent_id", "repair")
_TRACK, _LOCKED = "track_id", "is_locked"


def as_graph(
    table: pd.DataFrame, *, axes: tuple[str, ...] = ("t", "y", "x")
) -> GeffGraph:
    """Turn a table of objects into objects and links.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per object and frame, with `axes`, ``track_id`` and ``parent_id``.
    axes : tuple of str
        Columns that say where an object is, the tracked axis first.
    """
    table = table.sort_values(["track_id", axes[0]], ignore_index=True)
    track = table["track_id"].to_numpy()
    same = np.flatnonzero(track[1:] == track[:-1])
    edges = [(int(k), int(k) + 1) for k in same]
    last = {int(i): k for k, i in enumerate(track)}
    first = {int(i): k for k, i in reversed(list(enumerate(track)))}
    parent_of = dict(zip(track.tolist(), table["parent_id"].tolist(), strict=True))
    edges += [
        (last[parent], first[child])
        for child, parent in parent_of.items()
        if parent in last
    ]
    properties = {
        name: table[name].to_numpy()
        for name in table.columns
        if name not in _NO_PROPERTIES
    }
    # In the label image of a frame an object has the id of its track.
    properties["seg_id"] = track
    return GeffGraph(properties, np.array(edges, np.int64).reshape(-1, 2), axes)


@dataclass(frozen=True, eq=False)
class GraphTracks:
    """What a graph says of the objects in label images.

    Attributes
    ----------
    ids : dict of (frame, seg_id) to int
        Track of each object.
    parents : dict of int to int
        Parent of each track that has one.
    locked : frozenset of (frame, track)
        Objects that computations leave as they are.
    """

    ids: dict[tuple[int, int], int]
    parents: dict[int, int]
    locked: frozenset[tuple[int, int]] = frozenset()


def tracks_of_graph(graph: GeffGraph) -> GraphTracks:
    """Tracks of a graph; they keep the ids that it gives them as ``track_id``.

    Raises
    ------
    UnreadableInputError
        If the graph does not say which ids its objects have in label images, or an
        object has two predecessors.
    """
    properties = graph.properties
    if not graph.axes or "seg_id" not in properties:
        raise UnreadableInputError(
            "The GEFF does not say which ids its objects have in a label image "
            "(property seg_id), or has no time axis; export it with both."
        )
    frames = np.asarray(properties[graph.axes[0]]).astype(np.int64)
    segments = np.asarray(properties["seg_id"]).astype(np.int64)
    after: dict[int, list[int]] = {}
    before: dict[int, int] = {}
    for a, b in graph.edges.tolist():
        early, late = (a, b) if frames[a] <= frames[b] else (b, a)
        if late in before or frames[early] == frames[late]:
            raise UnreadableInputError(
                f"Object {late} of the GEFF has two predecessors, or one of its own "
                "frame; merging tracks cannot be loaded."
            )
        before[late] = early
        after.setdefault(early, []).append(late)
    in_time = np.argsort(frames, kind="stable").tolist()
    track_of = _named(properties, before, in_time)
    if track_of is None:
        track_of = _numbered(before, after, in_time)
    parents = {
        track_of[node]: track_of[mother]
        for node, mother in before.items()
        if track_of[node] != track_of[mother]
    }
    ids = {
        (int(frames[node]), int(segments[node])): track
        for node, track in track_of.items()
    }
    is_locked = np.asarray(properties.get(_LOCKED, np.zeros(len(frames), bool)), bool)
    nodes = np.flatnonzero(is_locked).tolist()
    locked = frozenset((int(frames[node]), track_of[node]) for node in nodes)
    return GraphTracks(ids, parents, locked)


def _named(
    properties: Mapping[str, npt.NDArray[Any]],
    before: Mapping[int, int],
    in_time: Sequence[int],
) -> dict[int, int] | None:
    """Track of each node as the graph calls it; None where that contradicts links."""
    if _TRACK not in properties:
        return None
    names = np.asarray(properties[_TRACK])
    if names.dtype.kind not in "iu" or (names <= 0).any():
        return None
    track_of = dict(enumerate(names.astype(np.int64).tolist()))
    last: dict[int, int] = {}
    for node in in_time:
        track, mother = track_of[node], before.get(node)
        goes_on = track in last
        # A track is a chain, and a daughter starts where another track has ended.
        if goes_on and last[track] != mother:
            return None
        if not goes_on and mother is not None and last[track_of[mother]] != mother:
            return None
        last[track] = node
    ends = {track_of[m]: m for n, m in before.items() if track_of[n] != track_of[m]}
    if any(last[track] != node for track, node in ends.items()):
        return None
    return track_of


def _numbered(
    before: Mapping[int, int], after: Mapping[int, Sequence[int]], in_time: list[int]
) -> dict[int, int]:
    """Give each track a number: a node with one successor is followed by it."""
    track_of: dict[int, int] = {}
    n_tracks = 0
    for node in in_time:
        mother = before.get(node)
        if mother is not None and len(after[mother]) == 1:
            track_of[node] = track_of[mother]
            continue
        n_tracks += 1
        track_of[node] = n_tracks
    return track_of
