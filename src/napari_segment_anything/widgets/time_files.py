"""Saves tracks under review, and loads tracks that exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFileDialog

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.track_export import export_tracks, tracks_of_graph
from napari_segment_anything.batch.track_import import relabelled
from napari_segment_anything.batch.track_jobs import read_tracks_job, review_tracks_job
from napari_segment_anything.errors import SegmentAnythingError, UnreadableInputError
from napari_segment_anything.storage.ctc import is_ctc, read_ctc
from napari_segment_anything.storage.geff import read_geff
from napari_segment_anything.widgets.time_layers import MovieFrames, TimeLayers
from napari_segment_anything.widgets.time_request import TimeTracks

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.correction_steps import LabelFrames
    from napari_segment_anything.widgets.time_corrector import TimeCorrector
    from napari_segment_anything.widgets.time_dock import TimeDock
    from napari_segment_anything.widgets.time_request import TimeRequest
    from napari_segment_anything.widgets.time_runs import TimeRuns

_KINDS = {
    "Cell Tracking Challenge, folder (*_RES)": ("ctc", "_RES"),
    "GEFF (*.geff)": ("geff", ".geff"),
    "Table (*.csv)": ("csv", ".csv"),
    "Picture of the lineages (*.svg)": ("svg", ".svg"),
}


class TimeFiles(QObject):
    """Asks for places and runs what reads and writes.

    Parameters
    ----------
    dock : TimeDock
        Parent of the dialogs.
    runs : TimeRuns
        Run it, and say what is looked at.
    """

    said = Signal(str)
    failed = Signal(object)
    loaded = Signal(object, object)

    def __init__(self, dock: TimeDock, runs: TimeRuns) -> None:
        super().__init__()
        self._dock = dock
        self._runs = runs

    def save(self, corrector: TimeCorrector | None) -> None:
        """Ask where and how to save tracks, and save them."""
        if corrector is None:
            return
        name, chosen = QFileDialog.getSaveFileName(
            self._dock,
            "Save tracks",
            corrector.layers.image.name,
            ";;".join(_KINDS),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.save_to(corrector, Path(name), *_KINDS[chosen])

    def save_to(
        self, corrector: TimeCorrector, path: Path, kind: str, ending: str
    ) -> None:
        """Save tracks; the name gets its ending where it has none."""
        if not path.name.endswith(ending):
            path = path.with_name(path.name + ending)
        request = corrector.found.request
        plane = request.plane_of(corrector.shown.position)
        stack = request.source.stack(plane)
        fixed = dict(plane.index)

        def read(frame: int) -> npt.NDArray[np.generic]:
            place = {**fixed, request.along: frame}
            return stack.read(tuple(place[letter] for letter in stack.index_axes))

        scale, units = _physical(corrector.layers, request.along)
        job = export_tracks(
            path, kind, corrector.tracks, read=read, scale=scale, units=units
        )
        self._runs.worker.start(job, lambda place: self.said.emit(f"Saved {place}."))

    def load(self) -> None:
        """Ask for a folder with tracks and load them."""
        name = QFileDialog.getExistingDirectory(
            self._dock, "Folder of the Cell Tracking Challenge, or GEFF"
        )
        if name:
            self.load_from(Path(name))

    def load_from(self, path: Path) -> None:
        """Load tracks into layers of their own."""
        try:
            request = self._runs.request()
        except SegmentAnythingError as error:
            self.failed.emit(error)
            return
        image = self._dock.form.image.layer
        if request is None or image is None:
            return
        viewer = self._runs.viewer
        layers = TimeLayers(viewer, image, request.axes, path.name)
        movie = layers.movie(request.plane, request.along)
        job = _load_job(path, request, movie)

        def show(found: TimeTracks) -> None:
            self._runs.keep()
            self.loaded.emit(layers, found)
            n_tracks = sum(len(tracks.tracks) for tracks in found.movies.values())
            self.said.emit(f"Loaded {n_tracks} tracks.")

        if self._runs.worker.start(job, show):
            self._runs.show_growing(layers)


def _load_job(
    path: Path, request: TimeRequest, movie: LabelFrames
) -> Generator[Progress, None, TimeTracks]:
    """Read tracks into the frames of the movie that is shown, and review them."""
    tracks = yield from _read_job(path, request, movie)
    position = request.position_of(request.plane)
    doubts = yield from review_tracks_job(tracks)
    doubts = [replace(doubt, position=position) for doubt in doubts]
    return TimeTracks(request, None, {position: tracks}, doubts)


def _read_job(
    path: Path, request: TimeRequest, movie: LabelFrames
) -> Generator[Progress, None, EditableTracks]:
    """Read tracks of a folder into the frames of a movie."""
    n_frames, rows, columns = movie.shape
    yield Progress("read tracks", 0, n_frames)
    if is_ctc(path):
        labels, tracks = read_ctc(path)
        parents = {one: parent for one, _, _, parent in tracks if parent}
        if labels.shape[1:] != (rows, columns) or len(labels) > n_frames:
            raise UnreadableInputError(
                f"The tracks in {path} have the shape {labels.shape}, but the movie "
                f"has {movie.shape}; choose the image that they belong to."
            )
        for frame, plane in enumerate(labels):
            movie[frame] = plane
        return (yield from read_tracks_job(movie, parents))
    ids, parents = tracks_of_graph(read_geff(path))
    if request.start is None:
        raise UnreadableInputError(
            "A GEFF holds no masks: choose its label images under “Start from”, then "
            "load it."
        )
    source = MovieFrames(request.start, request.axes, request.plane, request.along)
    for frame in range(n_frames):
        movie[frame] = relabelled(source[frame], frame, ids)
        yield Progress("read tracks", frame, n_frames)
    return (yield from read_tracks_job(movie, parents))


def _physical(
    layers: TimeLayers, along: str
) -> tuple[dict[str, float], dict[str, str]]:
    """Size of a pixel along T, Y and X, where the image has units."""
    scale, units = {}, {}
    for letter, size, unit in zip(
        layers.axes, layers.labels.scale, layers.labels.units, strict=True
    ):
        name = "T" if letter == along else letter
        if str(unit) != "pixel":
            scale[name], units[name] = float(size), str(unit)
    return scale, units
