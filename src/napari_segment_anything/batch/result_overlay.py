"""Overlay pictures of what a job found."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.overlay import (
    OverlayFrame,
    choose_frames,
    contact_sheet,
)
from napari_segment_anything.batch.segment import SegmentResult
from napari_segment_anything.batch.track_result import TrackResult
from napari_segment_anything.engine.contrast import rescale_intensity
from napari_segment_anything.engine.image import as_rgb
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore

_TAIL_FRAMES = 8
_N_SHOWN = 9
# Dim objects beside bright ones would not be seen on paper or screen.
_GAMMA = 0.65
_BRIGHTER = np.rint(255 * (np.arange(256) / 255) ** _GAMMA).astype(np.uint8)
# A few frames may be shown larger.
_SIDE_OF_SHEET = 1600


def track_overlay(stack: Stack, result: TrackResult) -> npt.NDArray[np.uint8]:
    """Draw contours and track tails over up to nine frames.

    With other axes beside the tracked one, the middle position on each is shown.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.
    """
    lengths = dict(zip(stack.index_axes, stack.index_shape, strict=True))
    middle = {a: n // 2 for a, n in lengths.items() if a != result.axis}
    table = result.table
    for letter, number in middle.items():
        table = table[table[letter.lower()] == number]
    paths = _paths(table, result.axis.lower(), result.plane_axes)
    parents = dict(zip(table["track_id"], table["parent_id"], strict=True))

    def index_of(frame: int) -> tuple[int, ...]:
        place = {**middle, result.axis: frame}
        return tuple(place[letter] for letter in stack.index_axes)

    def tails_at(frame: int) -> dict[int, npt.NDArray[np.float64]]:
        return {
            track_id: _tail(track_id, frame, paths, parents)
            for track_id, path in paths.items()
            if frame in path
        }

    numbers = choose_frames(lengths[result.axis], _N_SHOWN)
    frames = [
        _frame(stack, result, result.intensity_range, n, index_of(n), tails_at)
        for n in numbers
    ]
    return contact_sheet(frames, side=_side(len(frames)))


def segment_overlay(stack: Stack, result: SegmentResult) -> npt.NDArray[np.uint8]:
    """Draw contours over up to nine planes; (H, W, 3) uint8."""
    indices = list(stack.indices())
    frames = [
        _frame(stack, result, result.intensity_range, n, indices[n], lambda _: {})
        for n in choose_frames(len(indices), _N_SHOWN)
    ]
    return contact_sheet(frames, side=_side(len(frames)))


def read_labels(
    labels: LabelStore | npt.NDArray[np.int32], index: tuple[int, ...]
) -> npt.NDArray[np.int32]:
    """Return the labels of one plane of a result."""
    if isinstance(labels, LabelStore):
        return labels.read_plane(index)
    plane: npt.NDArray[np.int32] = labels[index]
    return plane


def _frame(
    stack: Stack,
    result: SegmentResult | TrackResult,
    limits: IntensityRange,
    number: int,
    index: tuple[int, ...],
    tails_at: Callable[[int], Mapping[int, npt.NDArray[np.float64]]],
) -> OverlayFrame:
    image = as_rgb(_BRIGHTER[rescale_intensity(stack.read(index), *limits)])
    labels = read_labels(result.labels, index)
    return OverlayFrame(number, image, labels, tails_at(number))


def _side(n_frames: int) -> int:
    n_columns = int(np.ceil(np.sqrt(n_frames)))
    return max(480, _SIDE_OF_SHEET // n_columns)


def _paths(
    table: pd.DataFrame, frame: str, plane_axes: tuple[str, str]
) -> dict[int, dict[int, Any]]:
    """Position (row, column) of each track in each frame."""
    rows, across = (letter.lower() for letter in plane_axes)
    paths: dict[int, dict[int, Any]] = {}
    for track_id, t, y, x in zip(
        table["track_id"], table[frame], table[rows], table[across], strict=True
    ):
        paths.setdefault(int(track_id), {})[int(t)] = (y, x)
    return paths


def _tail(
    track_id: int,
    frame: int,
    paths: Mapping[int, Mapping[int, Any]],
    parents: Mapping[int, int],
) -> npt.NDArray[np.float64]:
    """Where an object and its ancestors were in the last frames, oldest first."""
    positions: dict[int, Any] = {}
    ancestor = track_id
    while ancestor in paths:
        for t, place in paths[ancestor].items():
            if frame - _TAIL_FRAMES <= t <= frame:
                positions[t] = place
        ancestor = int(parents[ancestor])
    return np.array([positions[t] for t in sorted(positions)], np.float64)
