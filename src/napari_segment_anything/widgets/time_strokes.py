"""Tells which objects of which movies a person has painted, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal  # type: ignore[attr-defined]

from napari_segment_anything.tracking.correction_steps import PlaneChange
from napari_segment_anything.widgets.result_layers import edit_of_stroke

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_segment_anything.batch.correct_job import TakesBack
    from napari_segment_anything.batch.track_result import Position
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeRequest

    Strokes = dict[Position, list[PlaneChange]]


class StrokeWatch(QObject):
    """Watches the brush on the labels of tracks.

    Parameters
    ----------
    layers : TimeLayers
        The labels.
    request : TimeRequest
        Says which axes number movies and frames.
    """

    painted = Signal(object)
    """Changes of frames by where their movie lies; sent when the pixels are there."""

    def __init__(self, layers: TimeLayers, request: TimeRequest) -> None:
        super().__init__()
        self._labels, self._axes, self._request = layers.labels, layers.axes, request
        self._pixels = layers.pixels
        self._edits: list[PixelEdit] = []
        # Of the layer, while nobody may paint.
        self._mode: str | None = None
        # napari tells of a stroke before the pixels have changed.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._tell)
        self._labels.events.paint.connect(self._on_paint)

    def hold(self) -> None:
        """Tell what was painted, and let nobody but a job paint until `release`."""
        if self._mode is None:
            self._later.stop()
            self._tell()
            self._mode = str(self._labels.mode)
            self._labels.editable = False
            self._pixels.hold()

    def release(self) -> None:
        """Let people paint again, in the mode that they had chosen."""
        mode, self._mode = self._mode, None
        if mode is not None:
            self._pixels.release()
            self._labels.editable = True
            self._labels.mode = mode
            self._later.start()

    def close(self) -> None:
        """Tell what was painted, and let go of the layer."""
        self._later.stop()
        self._tell()
        self._labels.events.paint.disconnect(self._on_paint)

    def _on_paint(self, event: Any) -> None:
        edit = edit_of_stroke(event.value, self._labels.data.shape)
        if edit is not None and len(edit):
            self._edits.append(edit)
            self._later.start()

    def _tell(self) -> None:
        if self._mode is not None:
            return
        edits, self._edits = self._edits, []
        shape = tuple(map(int, self._labels.data.shape))
        for edit in edits:
            self.painted.emit(strokes_of(edit, self._axes, shape, self._request))


def take_over(
    movies: Mapping[Position, EditableTracks], strokes: Strokes
) -> list[TakesBack]:
    """Let tracks take notice of strokes; returns what takes them back.

    Parameters
    ----------
    movies : mapping of tuple of int to EditableTracks
        Tracks of each movie; strokes on others are none of theirs.
    strokes : mapping of tuple of int to list of PlaneChange
        As `StrokeWatch` tells them.
    """
    ours = [(movies[at], of_it) for at, of_it in strokes.items() if at in movies]
    return [(one, one.take_over(of_it)) for one, of_it in ours]


def strokes_of(
    edit: PixelEdit, axes: str, shape: tuple[int, ...], request: TimeRequest
) -> Strokes:
    """Tell apart which frames of which movies an edit has changed.

    Parameters
    ----------
    edit : PixelEdit
        Of labels; it may go through several planes.
    axes : str
        Axes of the labels.
    shape : tuple of int
        Of the labels.
    request : TimeRequest
        Says which axes number movies and frames.
    """
    index = dict(zip(axes, edit.index, strict=True))
    rows, across = request.plane.plane_axes
    n_columns = shape[axes.index(across)]
    pixels = index[rows].astype(np.intp) * n_columns + index[across]
    letters = (*request.other_axes, request.along)
    table = np.stack([np.asarray(index[letter]) for letter in letters], axis=1)
    places, which = np.unique(table, axis=0, return_inverse=True)
    strokes: Strokes = {}
    for number, (*position, frame) in enumerate(places.tolist()):
        here = which.ravel() == number
        change = PlaneChange(frame, pixels[here], edit.before[here], edit.after[here])
        strokes.setdefault(tuple(position), []).append(change)
    return strokes
