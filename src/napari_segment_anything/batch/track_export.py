"""Tracks that were reviewed, as files that other programs read."""

from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.track_graph import as_graph
from napari_segment_anything.batch.tracked_movies import TrackedMovies, measure
from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.atomic import atomic_path, replacing_folder
from napari_segment_anything.storage.ctc import CtcWriter, check_replaceable
from napari_segment_anything.storage.geff import write_geff
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.tables import columns_of, write_tracks_table
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.tree import Branch, lineage_svg

ReadPlane = Callable[[int], npt.NDArray[np.generic]]

FORMATS = ("ctc", "geff", "csv", "svg", "zarr")


def export_movies(
    path: Path, kind: str, movies: TrackedMovies
) -> Generator[Progress, None, Path]:
    """Write the tracks of all movies in one of `FORMATS`; yields as planes are read.

    Parameters
    ----------
    path : Path
        A folder for ``ctc``, ``geff`` and ``zarr``, else a file. An earlier one is
        replaced as a whole in the end, but no OME-Zarr. Of several movies
        ``ctc`` has a folder each within `path`, named by its position, such as ``Z03``;
        the others hold all of them. Beside labels in an OME-Zarr lies the table, which
        has the lineage.
    kind : str
        One of `FORMATS`.
    movies : TrackedMovies
        What is written.

    Raises
    ------
    StorageError
        If something else lies at `path`, or the disk is full.
    InvalidAxesError
        If OME-Zarr cannot hold the axes.
    """
    if kind == "ctc":
        yield from _write_challenge(path, movies)
    elif kind == "svg":
        parts = [branches(tracks) for tracks in movies.movies.values()]
        every = {track: branch for part in parts for track, branch in part.items()}
        with atomic_path(path) as temporary:
            temporary.write_text(lineage_svg(every), encoding="utf-8")
    elif kind == "zarr":
        table = path.with_suffix(".csv")
        if table.exists() and not columns_of(table) >= {"track_id", "parent_id"}:
            raise StorageError(
                f"{table} is no table of tracks, but lies where that of {path.name} "
                "would; choose another name."
            )
        yield from _write_labels(path, movies)
        write_tracks_table(table, (yield from measure(movies)))
    elif kind == "csv":
        write_tracks_table(path, (yield from measure(movies)))
    else:
        objects = yield from measure(movies)
        axes = (movies.axis, *movies.other_axes, *movies.plane_axes)
        graph = as_graph(objects, axes=tuple(letter.lower() for letter in axes))
        write_geff(path, graph, tracklet="track_id", overwrite=True)
    yield Progress("save", movies.n_planes, movies.n_planes)
    return path


def export_tracks(
    path: Path,
    kind: str,
    tracks: EditableTracks,
    *,
    read: ReadPlane | None = None,
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    translate: Mapping[str, float] | None = None,
) -> Generator[Progress, None, Path]:
    """Write tracks of a single movie; see `export_movies`.

    Parameters
    ----------
    path : Path
        A folder for ``ctc``, ``geff`` and ``zarr``, else a file.
    kind : str
        One of `FORMATS`.
    tracks : EditableTracks
        What is written.
    read : callable, optional
        Returns the image of a frame, for intensities in the table.
    scale, units : mapping of str to float or str, optional
        Size of a pixel along ``T``, ``Y`` and ``X``, and its unit.
    translate : mapping of str to float, optional
        Where the first pixel lies along these axes, in those units; 0 unless told.
    """
    movies = TrackedMovies(
        {(): tracks},
        read=None if read is None else lambda _, frame: read(frame),
        scale=scale or {},
        units=units or {},
        translate=translate or {},
    )
    return export_movies(path, kind, movies)


def _write_challenge(
    path: Path, movies: TrackedMovies
) -> Generator[Progress, None, None]:
    many = len(movies.movies) > 1
    n_frames = sum(tracks.n_frames for tracks in movies.movies.values())
    done, next_id = 0, max(tracks.new_id() for tracks in movies.movies.values())
    check_replaceable(path)
    with replacing_folder(path) as temporary:
        for position, tracks in movies.movies.items():
            folder = temporary / movies.folder_of(position) if many else temporary
            planes, rows = challenge(tracks, next_id)
            next_id = max([next_id, *(part + 1 for part, *_ in rows)])
            writer = CtcWriter(folder)
            for plane in planes:
                yield Progress("save", done, n_frames)
                writer.write_frame(plane)
                done += 1
            writer.finish(rows)


def _write_labels(path: Path, movies: TrackedMovies) -> Generator[Progress, None, None]:
    first = next(iter(movies.movies.values()))
    n_frames, *plane_shape = map(int, first.labels.shape)
    lengths = dict(zip(movies.plane_axes, plane_shape, strict=True))
    lengths[movies.axis] = n_frames
    for number, letter in enumerate(movies.other_axes):
        lengths[letter] = max(position[number] for position in movies.movies) + 1
    axes = movies.index_axes + "".join(movies.plane_axes)
    store = LabelStore.create(
        path,
        axes=axes,
        shape=[lengths[letter] for letter in axes],
        scale=movies.scale,
        units=movies.units,
        translate=movies.translate,
        plane_axes=movies.plane_axes,
    )
    for number, position, frame in movies.planes():
        yield Progress("save", number, movies.n_planes)
        place = dict(zip(movies.other_axes, position, strict=True))
        place[movies.axis] = frame
        index = tuple(place[letter] for letter in movies.index_axes)
        store.write_plane(index, movies.movies[position].read(frame))
        store.mark_done(index)


def challenge(
    tracks: EditableTracks, next_id: int | None = None
) -> tuple[Iterator[npt.NDArray[np.integer]], list[tuple[int, int, int, int]]]:
    """Label images and rows of the Cell Tracking Challenge, which knows no gaps.

    The part of a track after a gap gets an id of its own and the part before as its
    parent.

    Parameters
    ----------
    tracks : EditableTracks
        Of one movie.
    next_id : int, optional
        The first of the new ids; by default one that no track has.
    """
    next_id = tracks.new_id() if next_id is None else next_id
    rows: list[tuple[int, int, int, int]] = []
    renamed: dict[int, dict[int, int]] = {}
    last_part: dict[int, int] = {}
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
                    renamed.setdefault(frame, {})[track] = part
            rows.append((part, int(run[0]), int(run[-1]), parent))
        last_part[track] = part

    def planes() -> Iterator[npt.NDArray[np.integer]]:
        for frame in range(tracks.n_frames):
            plane = tracks.read(frame).copy()
            for track, part in renamed.get(frame, {}).items():
                plane[plane == track] = part
            yield plane

    return planes(), sorted(rows)


def branches(tracks: EditableTracks) -> dict[int, Branch]:
    """Give first frame, last frame and parent of each track."""
    found = {}
    for track in tracks.tracks:
        frames = tracks.frames_of(track)
        found[track] = Branch(frames[0], frames[-1], tracks.parents.get(track, 0))
    return found
