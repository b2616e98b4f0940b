"""Saves tracks under review, and loads tracks that exist."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_segment_anything.errors import SegmentAnythingError
from napari_segment_anything.widgets.close_guard import Question
from napari_segment_anything.widgets.time_layers import TimeLayers
from napari_segment_anything.widgets.time_narrator import BUSY
from napari_segment_anything.widgets.time_words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy as np
    import numpy.typing as npt
    from qtpy.QtWidgets import QWidget

    from napari_segment_anything.batch.progress import Progress
    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.batch.tracked_movies import TrackedMovies
    from napari_segment_anything.widgets.time_corrector import TimeCorrector
    from napari_segment_anything.widgets.time_dock import TimeDock
    from napari_segment_anything.widgets.time_loading import MovieOf
    from napari_segment_anything.widgets.time_request import TimeRequest, TimeTracks
    from napari_segment_anything.widgets.time_runs import TimeRuns

SAVE_TRACKS = Question(
    "Save the tracks first?",
    "Tracks were corrected in {names} since they were found, loaded, or saved in a "
    "form that can be loaded again.",
)
_LOADABLE = ("ctc", "geff", "zarr")
_KINDS = {
    "Cell Tracking Challenge, folder (*_RES)": ("ctc", "_RES"),
    "GEFF (*.geff)": ("geff", ".geff"),
    "OME-Zarr labels, with a table (*.zarr)": ("zarr", ".zarr"),
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

    def unsaved(self) -> dict[str, TimeCorrector]:
        """Return tracks with corrections that nobody has saved, by their layers."""
        saved = self._dock.workbench.saved_steps
        found = {}
        for corrector in self._dock.reviews.every():
            if corrector is not None and corrector.layers.is_there:
                done = corrector.handed_over.done
                if done and done[-1] not in saved:
                    found[corrector.layers.labels.name] = corrector
        return found

    def save_first(
        self, corrector: TimeCorrector, _window: QWidget, then: Callable[[], object]
    ) -> None:
        """Save tracks of a window that is to be closed; then go on."""
        if self._runs.worker.is_busy:
            show_warning(BUSY)
        else:
            self.save(corrector, then)

    def save(
        self, corrector: TimeCorrector | None, *then: Callable[[], object]
    ) -> None:
        """Ask where and how to save tracks, and save them; then go on."""
        if corrector is None:
            return
        many = _describe_movies(corrector.found)
        name, chosen = QFileDialog.getSaveFileName(
            self._dock,
            f"Save the tracks of all {many}" if many else "Save tracks",
            corrector.layers.image.name,
            ";;".join(_KINDS),
            # The name may still get an ending.
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.save_to(corrector, Path(name), *_KINDS[chosen], *then)

    def save_to(
        self,
        corrector: TimeCorrector,
        path: Path,
        kind: str,
        ending: str,
        *then: Callable[[], object],
    ) -> None:
        """Save tracks of all movies; the name gets its ending where it has none."""
        if not path.name.endswith(ending):
            path = path.with_name(path.name + ending)
        # An OME-Zarr may be what a layer shows: it is never replaced.
        if path.exists() and kind != "zarr" and not self._may_replace(path):
            return
        found, done = corrector.found, corrector.handed_over.done

        def on_saved(_: object) -> None:
            if kind in _LOADABLE and done:
                self._dock.workbench.saved_steps.add(done[-1])
            self.said.emit(_saved(path, kind, found))
            for call in then:
                call()

        self._runs.worker.start(_export(path, kind, _movies(corrector)), on_saved)

    def load(self) -> None:
        """Ask for a folder with tracks and load them."""
        name = QFileDialog.getExistingDirectory(
            self._dock, "Folder of the Cell Tracking Challenge, GEFF, or OME-Zarr"
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
        job = _load(path, request, partial(layers.movie, along=request.along))

        def show(layers: TimeLayers, found: TimeTracks) -> None:
            self.loaded.emit(layers, found)
            n_tracks = sum(len(tracks.tracks) for tracks in found.movies.values())
            self.said.emit(f"Loaded {counted(n_tracks, 'track')}.")

        self._runs.tracker.fill(layers, job, show)

    def _may_replace(self, path: Path) -> bool:
        answer = QMessageBox.question(
            self._dock, "Save tracks", f"{path.name} exists already. Replace it?"
        )
        return bool(answer == QMessageBox.StandardButton.Yes)


# What reads and writes takes a second to import: not until it is wanted, and not by
# the thread of the window.
def _load(
    path: Path, request: TimeRequest, movie: MovieOf
) -> Generator[Progress, None, TimeTracks]:
    from napari_segment_anything.widgets.time_loading import load_job

    return (yield from load_job(path, request, movie))


def _export(
    path: Path, kind: str, movies: TrackedMovies
) -> Generator[Progress, None, None]:
    from napari_segment_anything.batch.track_export import export_movies

    yield from export_movies(path, kind, movies)


def _movies(corrector: TimeCorrector) -> TrackedMovies:
    """All that is told of tracks under review in files."""
    from napari_segment_anything.batch.tracked_movies import TrackedMovies

    found, layers = corrector.found, corrector.layers
    request = found.request
    stack = request.source.stack(request.plane)

    def read(position: Position, frame: int) -> npt.NDArray[np.generic]:
        place = dict(request.plane_of(position).index) | {request.along: frame}
        return stack.read(tuple(place[letter] for letter in stack.index_axes))

    sizes = zip(
        layers.axes,
        layers.labels.scale,
        layers.labels.units,
        layers.labels.translate,
        strict=True,
    )
    known = [(a, s, u, t) for a, s, u, t in sizes if str(u) != "pixel"]
    return TrackedMovies(
        found.movies,
        axis=request.along,
        index_axes=stack.index_axes,
        plane_axes=request.plane.plane_axes,
        read=read,
        scale={letter: float(size) for letter, size, _, _ in known},
        units={letter: str(unit) for letter, _, unit, _ in known},
        translate={letter: float(start) for letter, _, _, start in known},
        scores=found.scores,
    )


def _describe_movies(found: TimeTracks) -> str:
    """Say how many movies there are; empty for a single one."""
    n = len(found.movies)
    return f"{n} positions along {found.request.other_axes}" if n > 1 else ""


def _saved(path: Path, kind: str, found: TimeTracks) -> str:
    """Say what was saved."""
    many = _describe_movies(found)
    if kind == "ctc" and many:
        return f"Saved {path}: a folder for each of {many}."
    words = f"Saved {path}{f', all {many}' if many else ''}"
    if kind == "zarr":
        words += f"; who descends from whom is in {path.with_suffix('.csv').name}"
    return f"{words}."
