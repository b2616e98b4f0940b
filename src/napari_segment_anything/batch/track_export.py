"""Tracks that were reviewed, as files that other programs read, and back."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.track_result import TrackResult
from napari_segment_anything.batch.tracks_table import (
    mean_intensities,
    physical_columns,
)
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.atomic import atomic_path
from napari_segment_anything.storage.ctc import write_ctc
from napari_segment_anything.storage.geff import GeffGraph, write_geff
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.tables import write_tracks_table
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.tree import Branch, lineage_svg

ReadPlane = Callable[[int], npt.NDArray[np.generic]]

FORMATS = ("ctc", "geff", "csv", "svg")


def export_tracks(
    path: Path,
    kind: str,
    tracks: EditableTracks,
    *,
    read: ReadPlane | None = None,
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
) -> Generator[Progress, None, Path]:
    """Write tracks in one of `FORMATS`; yields a progress for each frame that is read.

    Parameters
    ----------
    path : Path
        A folder for ``ctc`` and ``geff``, else a file.
    kind : str
        One of `FORMATS`.
    tracks : EditableTracks
        What is written.
    read : callable, optional
        Returns the image of a frame, for intensities in the table.
    scale, units : mapping of str to float or str, optional
        Size of a pixel along ``T``, ``Y`` and ``X``.
    """
    n_frames = tracks.n_frames
    if kind == "ctc":
        planes, rows = challenge(tracks)
        write_ctc(path, planes, rows)
    elif kind == "svg":
        with atomic_path(path) as temporary:
            temporary.write_text(lineage_svg(branches(tracks)), encoding="utf-8")
    else:
        parts = []
        for frame in range(n_frames):
            yield Progress("measure", frame, n_frames)
            parts.append(measured(tracks, frame, read(frame) if read else None))
        table = pd.concat(parts, ignore_index=True)
        table = table.sort_values(["track_id", "t"], ignore_index=True)
        columns = {name: table[name].to_numpy() for name in table.columns}
        for name, values in physical_columns(
            columns, "T", ("Y", "X"), scale or {}, units or {}
        ).items():
            table[name] = values
        if kind == "csv":
            write_tracks_table(path, table)
        else:
            write_geff(path, as_graph(table), tracklet="track_id", overwrite=True)
    yield Progress("save", n_frames, n_frames)
    return path


@dataclass(frozen=True, eq=False)
class ResultFrames:
    """Label images of a result, frame by frame, and the images that they are of.

    Parameters
    ----------
    result : TrackResult
        Of one movie.
    stack : Stack
        What was tracked.
    """

    result: TrackResult
    stack: Stack

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, rows, columns."""
        lengths = dict(zip(self.stack.index_axes, self.stack.index_shape, strict=True))
        return (lengths[self.result.axis], *self.stack.plane_shape)

    def image(self, frame: int) -> npt.NDArray[np.generic]:
        """Image of a frame."""
        return self.stack.read(self._index(frame))

    def __getitem__(self, frame: int) -> npt.NDArray[np.int32]:
        """Label image of a frame."""
        labels = self.result.labels
        if isinstance(labels, LabelStore):
            return labels.read_plane(self._index(frame))
        plane: npt.NDArray[np.int32] = labels[self._index(frame)]
        return plane

    def __setitem__(self, frame: int, labels: npt.NDArray[np.integer]) -> None:
        """Replace the label image of a frame."""
        target = self.result.labels
        if isinstance(target, LabelStore):
            target.write_plane(self._index(frame), labels)
        else:
            target[self._index(frame)] = labels

    def _index(self, frame: int) -> tuple[int, ...]:
        return tuple(
            frame if letter == self.result.axis else 0
            for letter in self.stack.index_axes
        )


def editable_tracks(result: TrackResult, stack: Stack) -> EditableTracks:
    """Take the tracks of one movie for export or correction.

    Raises
    ------
    InvalidAxesError
        If there are several movies.
    """
    parents = {t.id: t.parent for t in result.lineage.tracks if t.parent}
    return EditableTracks(ResultFrames(result, stack), parents)


def challenge(
    tracks: EditableTracks,
) -> tuple[list[npt.NDArray[np.integer]], list[tuple[int, int, int, int]]]:
    """Label images and rows of the Cell Tracking Challenge, which knows no gaps.

    The part of a track after a gap gets an id of its own and the part before as its
    parent.
    """
    planes = [tracks.read(frame).copy() for frame in range(tracks.n_frames)]
    rows: list[tuple[int, int, int, int]] = []
    last_part: dict[int, int] = {}
    next_id = max(tracks.tracks, default=0) + 1
    for track in sorted(tracks.tracks, key=lambda one: tracks.frames_of(one)[0]):
        parent = last_part.get(tracks.parents.get(track, 0), 0)
        frames = np.array(tracks.frames_of(track))
        part = track
        for n, run in enumerate(
            np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
        ):
            if n:
                parent, part, next_id = part, next_id, next_id + 1
                for frame in run.tolist():
                    plane = planes[frame]
                    plane[plane == track] = part
            rows.append((part, int(run[0]), int(run[-1]), parent))
        last_part[track] = part
    return planes, sorted(rows)


def branches(tracks: EditableTracks) -> dict[int, Branch]:
    """Give first frame, last frame and parent of each track."""
    found = {}
    for track in tracks.tracks:
        frames = tracks.frames_of(track)
        found[track] = Branch(frames[0], frames[-1], tracks.parents.get(track, 0))
    return found


def measured(
    tracks: EditableTracks, frame: int, image: npt.NDArray[np.generic] | None = None
) -> pd.DataFrame:
    """Measure the objects of one frame: one row each."""
    plane = tracks.read(frame)
    ids = np.unique(plane[plane > 0])
    masks = MaskSet.from_labels(plane) if len(ids) else MaskSet.empty(plane.shape)
    centroids, numbers = masks.centroids.reshape(-1, 2), ids.tolist()
    columns: dict[str, npt.NDArray[np.generic]] = {
        "track_id": ids.astype(np.int64),
        "t": np.full(len(ids), frame, np.int64),
        "y": centroids[:, 0],
        "x": centroids[:, 1],
        "area": masks.areas,
        "parent_id": np.array([tracks.parents.get(i, 0) for i in numbers], np.int64),
        "is_locked": np.array([(frame, i) in tracks.locked for i in numbers], bool),
    }
    if image is not None:
        columns["mean_intensity"] = mean_intensities(masks, image)
    return pd.DataFrame(columns)


def as_graph(table: pd.DataFrame) -> GeffGraph:
    """Turn a table of objects, by track and frame, into objects and links."""
    table = table.sort_values(["track_id", "t"], ignore_index=True)
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
        name: table[name].to_numpy() for name in table.columns if name != "parent_id"
    }
    # In the label image of a frame an object has the id of its track.
    properties["seg_id"] = track
    return GeffGraph(properties, np.array(edges, np.int64).reshape(-1, 2))


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
