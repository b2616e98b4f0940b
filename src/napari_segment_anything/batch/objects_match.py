"""Whether a table of objects is that of certain labels."""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.tables import columns_of

# So many planes are compared; results that differ do so in nearly every plane.
_N_PLANES = 32
_ROWS = 4096
_MEASURES = ("label", "area", "mean_intensity", "predicted_iou", "stability_score")


def is_table_of(table: Path, labels: LabelStore) -> bool:
    """Whether a table has the objects of labels, by their areas.

    Up to 32 planes are compared, spread over the stack, and as many of those in which
    the table has objects. One to which somebody added columns is not that of the
    labels alone.

    Parameters
    ----------
    table : Path
        CSV with a column for each index axis, ``label`` and ``area``, as
        `objects_table` makes it.
    labels : LabelStore
        What it may have been made of.

    Raises
    ------
    StorageError
        If the labels of a plane are damaged.
    """
    names = [letter.lower() for letter in labels.index_axes]
    shape = tuple(labels.lengths[letter] for letter in labels.index_axes)
    n_planes = int(np.prod(shape, dtype=np.int64))
    columns = [*names, "label", "area"]
    if not all(_is_measured(name, labels) for name in columns_of(table)):
        return False
    try:
        found = pd.read_csv(table, usecols=columns).astype(np.int64)
        numbers = _plane_numbers(found[names].to_numpy(), shape)
    except (OSError, ValueError, KeyError):
        return False
    for number in {*_spread(np.arange(n_planes)), *_spread(np.unique(numbers))}:
        index = tuple(int(i) for i in np.unravel_index(number, shape)) if shape else ()
        rows = found[numbers == number]
        listed = dict(zip(rows["label"].tolist(), rows["area"].tolist(), strict=True))
        if listed != _areas(labels, index):
            return False
    return True


def _is_measured(column: str, labels: LabelStore) -> bool:
    """Whether `objects_table` may have made a column."""
    axes = [letter.lower() for letter in labels.index_axes + labels.plane_axes]
    starts = (*(f"{axis}_" for axis in axes), "area_")
    return column in (*axes, *_MEASURES) or column.startswith(starts)


def _plane_numbers(
    places: npt.NDArray[np.int64], shape: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Turn places (n, index axes) into numbers in C order; ValueError beyond."""
    if not shape:
        return np.zeros(len(places), np.int64)
    numbers: npt.NDArray[np.int64] = np.ravel_multi_index(tuple(places.T), shape)
    return numbers


def _spread(numbers: npt.NDArray[np.int64]) -> list[int]:
    chosen = np.linspace(0, len(numbers) - 1, min(len(numbers), _N_PLANES))
    return [int(number) for number in numbers[np.rint(chosen).astype(int)]]


def _areas(labels: LabelStore, index: tuple[int, ...]) -> Counter[int]:
    """Count the pixels of each label of a plane, some rows at a time."""
    areas: Counter[int] = Counter()
    n_rows = labels.plane_shape[0]
    for start in range(0, n_rows, _ROWS):
        rows = slice(start, min(start + _ROWS, n_rows))
        band = labels.read_plane(index, rows)
        if band.min() < 0 or band.max() > band.size:
            # Numbers that somebody else gave; counting them all would fill the memory.
            ids, counts = np.unique(band, return_counts=True)
            areas.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))
        else:
            counted = enumerate(np.bincount(band.ravel()).tolist())
            areas.update({label: n for label, n in counted if n})
    del areas[0]
    return areas
