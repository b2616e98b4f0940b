"""Reads tracks that exist into the frames of a labels layer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.track_graph import tracks_of_graph
from napari_segment_anything.batch.track_import import (
    locked_of,
    parents_of,
    read_tracks_table,
    relabelled,
    scores_of,
)
from napari_segment_anything.batch.track_jobs import read_tracks_job, review_tracks_job
from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.storage.ctc import is_ctc, read_ctc
from napari_segment_anything.storage.geff import is_geff, read_geff
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.widgets.time_layers import MovieFrames
from napari_segment_anything.widgets.time_request import TimeTracks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_segment_anything.batch.mask_scores import MaskScores
    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import LabelFrames, Place
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_request import TimeRequest

    MovieOf = Callable[[PlaneId], LabelFrames]


@dataclass(frozen=True, eq=False)
class _Source:
    """How label images of a movie are read, and what is known of their tracks."""

    read: Callable[[int], npt.NDArray[np.integer]]
    n_frames: int
    parents: Mapping[int, int]
    locked: frozenset[Place] = frozenset()


def load_job(
    path: Path, request: TimeRequest, movie: MovieOf
) -> Generator[Progress, None, TimeTracks]:
    """Read tracks into the frames of their movies, and review them.

    Parameters
    ----------
    path : Path
        A folder of the Cell Tracking Challenge, for the movie that is shown; a folder
        with one such folder for each movie, named by its position (``Z03``); labels in
        an OME-Zarr of this package, with the table beside them; or a GEFF for the
        labels to start from.
    request : TimeRequest
        Says which image is looked at.
    movie : callable
        Returns the frames to be filled, of the movie of a plane.

    Raises
    ------
    UnreadableInputError
        If there are no tracks, or they are not those of the image.
    """
    yield Progress("read tracks", 0, 1)
    movies: dict[Position, EditableTracks] = {}
    doubts: list[Doubt] = []
    sources, scores = _sources(path, request)
    for position, source in sources.items():
        frames = movie(request.plane_of(position))
        for frame in range(source.n_frames):
            plane = source.read(frame)
            _check(path, plane, source.n_frames, frames)
            frames[frame] = plane
            yield Progress("read tracks", frame, source.n_frames)
        tracks = yield from read_tracks_job(
            frames, source.parents, locked=source.locked
        )
        taken = {one for other in movies.values() for one in other.tracks}
        if taken.intersection(tracks.tracks):
            tracks = yield from _renumbered_job(tracks, max(taken))
        movies[position] = tracks
        found = yield from review_tracks_job(tracks)
        doubts += [replace(doubt, position=position) for doubt in found]
    for tracks in movies.values():
        tracks.beside = [other for other in movies.values() if other is not tracks]
    doubts.sort(key=lambda doubt: -doubt.score)
    return TimeTracks(request, None, movies, doubts, scores)


def _sources(
    path: Path, request: TimeRequest
) -> tuple[dict[Position, _Source], MaskScores | None]:
    """Find what the files hold of each movie, and how sure the model was of masks."""
    shown = request.position_of(request.plane)
    if is_ctc(path):
        return {shown: _challenge(path)}, None
    if folders := _folders(path, request.other_axes):
        if missing := sorted(set(folders) - set(request.positions)):
            raise UnreadableInputError(
                f"{folders[missing[0]]} is beyond the image along "
                f"{request.other_axes}; choose the image that the tracks belong to."
            )
        found = {position: _challenge(folder) for position, folder in folders.items()}
        return found, None
    if is_geff(path):
        return _graph(path, request), None
    return _zarr(path, request)


def _challenge(folder: Path) -> _Source:
    labels, rows = read_ctc(folder)
    parents = {one: parent for one, _, _, parent in rows if parent}
    return _Source(lambda frame: np.asarray(labels[frame]), len(labels), parents)


def _folders(path: Path, other_axes: str) -> dict[Position, Path]:
    """Folders of the challenge within a folder, by the position in their names."""
    if not other_axes or not path.is_dir():
        return {}
    pattern = "_".join(rf"{letter}(\d+)" for letter in other_axes)
    found = {}
    for folder in sorted(path.iterdir()):
        if (match := re.fullmatch(pattern, folder.name)) and is_ctc(folder):
            found[tuple(map(int, match.groups()))] = folder
    return found


def _graph(path: Path, request: TimeRequest) -> dict[Position, _Source]:
    graph = tracks_of_graph(read_geff(path))
    if request.start is None:
        raise UnreadableInputError(
            "A GEFF holds no masks: choose its label images under “Start from”, then "
            "load it."
        )

    def source(position: Position) -> _Source:
        plane = request.plane_of(position)
        labels = MovieFrames(request.start, request.axes, plane, request.along)
        read = lambda frame: relabelled(labels[frame], frame, graph.ids)  # noqa: E731
        return _Source(read, labels.shape[0], graph.parents, graph.locked)

    return {position: source(position) for position in request.positions}


def _zarr(
    path: Path, request: TimeRequest
) -> tuple[dict[Position, _Source], MaskScores | None]:
    try:
        store = LabelStore.open(path, mode="r")
    except StorageError as error:
        raise UnreadableInputError(
            f"{path} holds no tracks; give a folder of the Cell Tracking Challenge, a "
            "GEFF, or an OME-Zarr that was saved here."
        ) from error
    others = store.index_axes.replace(request.along, "")
    if request.along not in store.index_axes or others != request.other_axes:
        raise UnreadableInputError(
            f"The labels in {path} have the axes {store.axes}, but objects of this "
            f"image are followed along {request.along}; choose the image that they "
            "belong to."
        )
    beside = path.with_suffix(".csv")
    table = read_tracks_table(beside) if beside.is_file() else None
    parents = {} if table is None else parents_of(table)

    def source(position: Position) -> _Source:
        place = dict(zip(others, position, strict=True))

        def read(frame: int) -> npt.NDArray[np.integer]:
            index = {**place, request.along: frame}
            return store.read_plane([index[letter] for letter in store.index_axes])

        locked: frozenset[Place] = frozenset()
        if table is not None:
            locked = locked_of(table, request.along, place)
        return _Source(read, store.lengths[request.along], parents, locked)

    found = {
        position: source(position)
        for position in request.positions
        if all(
            n < store.lengths[letter]
            for letter, n in zip(others, position, strict=True)
        )
    }
    scores = None
    if table is not None:
        scores = scores_of(table, request.along, others, request.plane.plane_axes)
    return found, scores


def _renumbered_job(
    tracks: EditableTracks, last_id: int
) -> Generator[Progress, None, EditableTracks]:
    """Add to all ids, so that no two movies share one."""
    for frame in range(tracks.n_frames):
        plane = tracks.read(frame)
        tracks.labels[frame] = np.where(plane > 0, plane + last_id, 0)
        yield Progress("read tracks", frame, tracks.n_frames)
    moved = {c + last_id: p + last_id for c, p in tracks.parents.items()}
    locked = {(frame, one + last_id) for frame, one in tracks.locked}
    return (yield from read_tracks_job(tracks.labels, moved, locked=locked))


def _check(
    path: Path, plane: npt.NDArray[np.integer], n_frames: int, movie: LabelFrames
) -> None:
    if plane.shape != tuple(movie.shape[1:]) or n_frames > movie.shape[0]:
        raise UnreadableInputError(
            f"The tracks in {path} have the shape {(n_frames, *plane.shape)}, but the "
            f"movie has {tuple(movie.shape)}; choose the image that they belong to."
        )
