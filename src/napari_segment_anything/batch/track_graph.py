"""Tracks as a graph of objects and links, and back."""

import numpy as np
import pandas as pd

from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.storage.geff import GeffGraph

# What a graph says otherwise, or GEFF holds no arrays of.
_NO_PROPERTIES = ("parent_id", "repair")


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


def tracks_of_graph(
    graph: GeffGraph,
) -> tuple[dict[tuple[int, int], int], dict[int, int]]:
    """Track of each (frame, seg_id), and parent of each track, of a graph.

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
    n_tracks = 0
    track_of: dict[int, int] = {}
    parents: dict[int, int] = {}
    for node in np.argsort(frames, kind="stable").tolist():
        mother = before.get(node)
        if mother is not None and len(after[mother]) == 1:
            track_of[node] = track_of[mother]
            continue
        n_tracks += 1
        track_of[node] = n_tracks
        if mother is not None:
            parents[n_tracks] = track_of[mother]
    tracks = {
        (int(frames[node]), int(segments[node])): track
        for node, track in track_of.items()
    }
    return tracks, parents
