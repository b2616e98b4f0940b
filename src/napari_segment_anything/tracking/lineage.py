"""Tracks and their parents: always a forest in time order."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.tracking.graph import LinkGraph
from napari_segment_anything.tracking.track import Track

Node = tuple[int, int]


class InvalidLineageError(SegmentAnythingError, ValueError):
    """Tracks contradict each other, themselves or the order of time."""


@dataclass(frozen=True)
class Lineage:
    """All tracks of a stack.

    Parameters
    ----------
    tracks : tuple of Track
        In ascending order of their ids.

    Raises
    ------
    InvalidLineageError
        If ids repeat, a parent is missing or does not end before its child starts,
        or a detection belongs to two tracks. So no lineage can hold a cycle or run
        backwards in time.
    """

    tracks: tuple[Track, ...]

    def __post_init__(self) -> None:
        _check(self.tracks)

    @classmethod
    def from_links(
        cls,
        n_detections: Sequence[int],
        links: Iterable[tuple[Node, Node]],
        starts: Collection[Node] = (),
    ) -> "Lineage":
        """Lineage of single links between detections.

        A detection with one successor continues its track; with several it divides,
        and each successor starts a track. Ids count from 1 by start frame, then by
        detection.

        Parameters
        ----------
        n_detections : sequence of int
            Number of detections of each frame; every one gets a track.
        links : iterable of ((frame, detection), (frame, detection))
            Earlier end first; each detection has at most one predecessor.
        starts : collection of (frame, detection)
            Detections that start a track although they are their predecessor's only
            successor.
        """
        graph = LinkGraph(list(n_detections))
        for before, after in links:
            if before[0] >= after[0]:
                raise InvalidLineageError(
                    f"The link {before} → {after} does not run forwards in time. "
                    "Give the earlier detection first."
                )
            if (other := graph.predecessor(after)) is not None:
                raise InvalidLineageError(
                    f"Detection {after} follows both {other} and "
                    f"{before}. Give each detection one predecessor."
                )
            graph.add(before, after)
        begins = frozenset(starts)
        tracks: list[Track] = []
        id_of = [np.zeros(n, np.int32) for n in n_detections]
        for frame, n in enumerate(n_detections):
            for detection in range(n):
                if id_of[frame][detection]:
                    continue
                node = (frame, detection)
                before_node = graph.predecessor(node)
                nodes = [node]
                while len(following := graph.successors(nodes[-1])) == 1:
                    if following[0] in begins:
                        break
                    nodes.append(following[0])
                new_id = len(tracks) + 1
                for t, k in nodes:
                    id_of[t][k] = new_id
                parent = 0
                if before_node is not None:
                    parent = int(id_of[before_node[0]][before_node[1]])
                frames, detections = zip(*nodes, strict=True)
                tracks.append(
                    Track(new_id, frame, frames[-1], parent, frames, detections)
                )
        return cls(tuple(tracks))

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return len(self.tracks)

    @cached_property
    def children(self) -> Mapping[int, tuple[int, ...]]:
        """Ids of the children of each track that has any."""
        children: dict[int, list[int]] = {}
        for track in self.tracks:
            if track.parent:
                children.setdefault(track.parent, []).append(track.id)
        return {parent: tuple(ids) for parent, ids in children.items()}

    @property
    def divisions(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Pairs (parent id, children's ids) of tracks with at least two children."""
        return tuple(
            (parent, ids) for parent, ids in self.children.items() if len(ids) > 1
        )

    @cached_property
    def by_id(self) -> Mapping[int, Track]:
        """Each track by its id."""
        return {track.id: track for track in self.tracks}

    @cached_property
    def _ids(self) -> Mapping[int, npt.NDArray[np.int64]]:
        """By frame, the id of the track of each detection; 0 for none."""
        return _owners(self.tracks)

    def track_of(self, frame: int, detection: int) -> int:
        """Id of the track that holds a detection; 0 for none."""
        ids = self._ids.get(frame)
        return int(ids[detection]) if ids is not None and detection < len(ids) else 0

    def links(self) -> tuple[tuple[Node, Node], ...]:
        """Links between detections, those from parent to child included."""
        links: list[tuple[Node, Node]] = []
        for track in self.tracks:
            nodes = track.nodes
            if track.parent:
                links.append((self.by_id[track.parent].nodes[-1], nodes[0]))
            links.extend(itertools.pairwise(nodes))
        return tuple(links)

    def napari_tracks(
        self, centroids: Sequence[npt.NDArray[np.floating]]
    ) -> tuple[
        npt.NDArray[np.float64],
        dict[int, list[int]],
        dict[str, npt.NDArray[np.int64]],
    ]:
        """Give data, graph and features of a napari Tracks layer.

        Parameters
        ----------
        centroids : sequence of (n, 2) arrays
            Centres (y, x) of each frame's detections.

        Returns
        -------
        data : (m, 4) float64 array
            Track id, frame, y, x; sorted by id, then frame.
        graph : dict
            Child's id → list with its parent's id.
        features : dict of (m,) int64 arrays
            ``track_id``, ``parent`` and ``root`` (the oldest ancestor).
        """
        rows = [
            (track.id, frame, *centroids[frame][detection])
            for track in self.tracks
            for frame, detection in track.nodes
        ]
        data = np.asarray(rows, dtype=np.float64).reshape(-1, 4)
        root: dict[int, int] = {}
        for track in sorted(self.tracks, key=lambda track: track.start):
            root[track.id] = root[track.parent] if track.parent else track.id
        ids = data[:, 0].astype(np.int64)
        features = {
            "track_id": ids,
            "parent": np.array([self.by_id[i].parent for i in ids], dtype=np.int64),
            "root": np.array([root[i] for i in ids], dtype=np.int64),
        }
        graph = {track.id: [track.parent] for track in self.tracks if track.parent}
        return data, graph, features


def with_ids(lineage: Lineage, ids: Mapping[Node, int]) -> Lineage:
    """Give tracks the ids that some of their detections are known by.

    Parameters
    ----------
    lineage : Lineage
        Tracks, numbered anyhow.
    ids : mapping of (frame, detection) to int
        Known ids; of a track with several, the first in time counts.

    Returns
    -------
    Lineage
        Tracks without a known id are numbered above all known ones.
    """
    if not ids:
        return lineage
    new: dict[int, int] = {}
    taken: set[int] = set()
    for track in sorted(lineage.tracks, key=lambda track: track.start):
        known = next((ids[node] for node in track.nodes if node in ids), 0)
        if known and known not in taken:
            new[track.id] = known
            taken.add(known)
    next_id = max(ids.values()) + 1
    for track in lineage.tracks:
        if track.id not in new:
            new[track.id] = next_id
            next_id += 1
    renamed = (
        replace(track, id=new[track.id], parent=new.get(track.parent, 0))
        for track in lineage.tracks
    )
    return Lineage(tuple(sorted(renamed, key=lambda track: track.id)))


def _check(tracks: Sequence[Track]) -> None:
    """Raise unless the tracks are a forest in time order."""
    by_id: dict[int, Track] = {}
    for track in tracks:
        if track.id < 1 or track.id in by_id:
            raise InvalidLineageError(
                f"Track id {track.id} is not positive or is used twice. "
                "Number the tracks anew."
            )
        by_id[track.id] = track
        frames = track.frames
        if (
            not frames
            or len(frames) != len(track.detections)
            or (frames[0], frames[-1]) != (track.start, track.end)
            or any(a >= b for a, b in itertools.pairwise(frames))
        ):
            raise InvalidLineageError(
                f"The frames of track {track.id} do not ascend from its start "
                f"{track.start} to its end {track.end}. Sort its detections by frame."
            )
    _owners(tracks)
    for track in tracks:
        if track.parent and track.parent not in by_id:
            raise InvalidLineageError(
                f"Track {track.id} names the parent {track.parent}, which does not "
                "exist. Set the parent to 0."
            )
        if track.parent and by_id[track.parent].end >= track.start:
            raise InvalidLineageError(
                f"Track {track.id} starts in frame {track.start}, but its parent "
                f"{track.parent} ends in frame {by_id[track.parent].end}. Cut the "
                "parent before the child starts."
            )


def _owners(tracks: Sequence[Track]) -> dict[int, npt.NDArray[np.int64]]:
    """By frame, the id of the track of each detection; 0 for none.

    Arrays, because a movie has as many detections as it has objects and frames.
    """
    lengths: dict[int, int] = {}
    for track in tracks:
        for frame, detection in track.nodes:
            lengths[frame] = max(lengths.get(frame, 0), detection + 1)
    owners = {frame: np.zeros(n, np.int64) for frame, n in lengths.items()}
    for track in tracks:
        for frame, detection in track.nodes:
            if other := owners[frame][detection]:
                raise InvalidLineageError(
                    f"Detection {detection} of frame {frame} is in tracks {other} and "
                    f"{track.id}. Keep it in one of them."
                )
            owners[frame][detection] = track.id
    return owners
