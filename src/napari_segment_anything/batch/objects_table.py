"""One row per object and plane: the table that a segmentation may end with."""

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.segment import SegmentResult
from napari_segment_anything.batch.tracks_table import physical_columns
from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore

Columns = dict[str, npt.NDArray[Any]]

# Rows of a plane that are measured at once.
_ROWS = 1024


def objects_table(
    stack: Stack, result: SegmentResult
) -> Generator[Progress, None, pd.DataFrame]:
    """Measure the objects that `segment_stack` found, plane by plane.

    Parameters
    ----------
    stack : Stack
        What was segmented; each plane is read once more.
    result : SegmentResult
        What was found in it.

    Yields
    ------
    Progress
        Stage ``"measure"``, one step a plane.

    Returns
    -------
    pandas.DataFrame
        One row per object, by plane, then label: one column per index axis (``t``,
        ``z`` …) that numbers the plane, ``label``, ``y`` and ``x`` or whatever the
        plane axes are (centroid in pixels), ``y_start``, ``x_start``, ``y_stop`` and
        ``x_stop`` (half-open box in pixels), ``area`` (pixels), ``mean_intensity`` (of
        the finite pixels; of colours their mean), ``predicted_iou`` and
        ``stability_score`` (NaN where the masks before painting are not at hand, as
        without an output on disk). All count from the first plane and pixel of the
        stack, as the labels do. Where the size of a pixel is known also the place
        along each axis and ``area`` in physical units, in columns that name them
        (``t_s``, ``y_um``, ``area_um2``).

    Raises
    ------
    UnreadableInputError
        A plane cannot be read.
    StorageError
        The labels of a plane are damaged.
    """
    parts = [_columns(stack, (), _Sums(0), None)]
    yield Progress("measure", 0, stack.n_planes)
    for n_done, index in enumerate(stack.indices(), start=1):
        plane = plane_of(stack, index)
        sums = _measured(_labels_of(result, index, stack.plane_shape[0]), plane)
        scores = result.scores.of(index) if result.scores is not None else None
        parts.append(_columns(stack, index, sums, scores))
        yield Progress("measure", n_done, stack.n_planes)
    columns: Columns = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    columns |= physical_columns(
        columns,
        stack.index_axes,
        stack.plane_axes,
        stack.scale,
        stack.units,
        stack.translate,
    )
    return pd.DataFrame(columns)


def _labels_of(
    result: SegmentResult, index: tuple[int, ...], n_rows: int
) -> Iterator[tuple[int, npt.NDArray[np.int32]]]:
    """Iterate over the labels of a plane in bands, each with its first row."""
    for start in range(0, n_rows, _ROWS):
        rows = slice(start, min(start + _ROWS, n_rows))
        if isinstance(result.labels, LabelStore):
            yield start, result.labels.read_plane(index, rows)
        else:
            yield start, result.labels[index][rows]


class _Sums:
    """Sums over the pixels of each label, and how far they reach."""

    def __init__(self, n: int) -> None:
        self.area = np.zeros(n, np.int64)
        self.position = np.zeros((2, n), np.float64)
        self.intensity = np.zeros(n, np.float64)
        self.n_finite = np.zeros(n, np.int64)
        self.start = np.full((2, n), np.iinfo(np.int64).max)
        self.stop = np.zeros((2, n), np.int64)

    def grow(self, n: int) -> None:
        """Make room for more labels."""
        new = n - len(self.area)
        if new > 0:
            more = _Sums(new)
            for name, known in vars(self).items():
                both = np.concatenate([known, getattr(more, name)], axis=-1)
                setattr(self, name, both)

    def add(
        self, labels: npt.NDArray[np.int32], pixels: npt.NDArray[Any], top: int
    ) -> None:
        """Add the labels and pixels of a band of rows."""
        place = np.nonzero(labels)
        ids = labels[place]
        n = int(ids.max(initial=0)) + 1
        self.grow(n)
        values = pixels[place].astype(np.float64)
        values = values.mean(axis=-1) if values.ndim > 1 else values
        self.area[:n] += np.bincount(ids, minlength=n)
        is_finite = np.isfinite(values)
        self.n_finite[:n] += np.bincount(ids[is_finite], minlength=n)
        self.intensity[:n] += np.bincount(
            ids[is_finite], values[is_finite], minlength=n
        )
        for k, along in enumerate((place[0] + top, place[1])):
            self.position[k, :n] += np.bincount(ids, along, minlength=n)
            np.minimum.at(self.start[k], ids, along)
            np.maximum.at(self.stop[k], ids, along + 1)


def _measured(
    bands: Iterator[tuple[int, npt.NDArray[np.int32]]],
    plane: npt.NDArray[Any] | BandedPlane,
) -> _Sums:
    sums = _Sums(1)
    for top, labels in bands:
        sums.add(labels, plane[top : top + len(labels)], top)
    return sums


def _columns(
    stack: Stack,
    index: Sequence[int],
    sums: _Sums,
    scores: dict[str, npt.NDArray[np.float32]] | None,
) -> Columns:
    """Return the rows of a plane; without an index those of no plane."""
    found = np.flatnonzero(sums.area)
    area = sums.area[found]
    numbers = index or (0,) * len(stack.index_axes)
    columns: Columns = {
        letter.lower(): np.full(len(found), number, np.int64)
        for letter, number in zip(stack.index_axes, numbers, strict=True)
    }
    names = [letter.lower() for letter in stack.plane_axes]
    columns["label"] = found.astype(np.int64)
    columns |= {n: sums.position[k, found] / area for k, n in enumerate(names)}
    columns |= {f"{n}_start": sums.start[k, found] for k, n in enumerate(names)}
    columns |= {f"{n}_stop": sums.stop[k, found] for k, n in enumerate(names)}
    n_finite = sums.n_finite[found]
    # 0 / NaN, where there is no finite pixel, is NaN without a warning.
    n_counted = np.where(n_finite, n_finite, np.nan)
    columns |= {"area": area, "mean_intensity": sums.intensity[found] / n_counted}
    for name in ("predicted_iou", "stability_score"):
        known = np.full(len(sums.area), np.nan, np.float32)
        if scores is not None:
            # Objects are numbered from 1 in the order of their masks.
            n = min(len(scores[name]), len(known) - 1)
            known[1 : n + 1] = scores[name][:n]
        columns[name] = known[found]
    return columns
