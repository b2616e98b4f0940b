"""Labels that a person paints: in memory, or on disk where they would not fit."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from itertools import count
from math import prod
from pathlib import Path

import numpy as np

from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.storage.ome_metadata import ome_order
from napari_segment_anything.storage.write_behind_array import WriteBehindArray

_LABEL_BYTES = np.dtype(np.int32).itemsize
# Where the system does not tell how much memory there is.
_USUAL_MEMORY = 8 * 2**30
# A stroke replaces the chunks that it touches, so they are small.
_CHUNK_SIDE = 512


def fits_memory(shape: Sequence[int]) -> bool:
    """Whether labels of this shape take at most half of the machine's memory."""
    return prod(map(int, shape)) * _LABEL_BYTES <= _memory() // 2


def labels_on_disk(
    folder: Path,
    name: str,
    *,
    axes: str,
    shape: Sequence[int],
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    translate: Mapping[str, float] | None = None,
) -> WriteBehindArray:
    """Make labels on disk that can be painted on like an array; all are 0 at first.

    Parameters
    ----------
    folder : Path
        Where to put them, under a name that is free.
    name : str
        What they are labels of.
    axes : str
        One letter per dimension. Where OME-Zarr allows their order the labels become
        an OME-Zarr, otherwise a zarr array with named dimensions.
    shape : sequence of int
        Length of each axis.
    scale, units, translate : mapping, optional
        As for `LabelLayout`.

    Returns
    -------
    WriteBehindArray
        What is assigned to it can be read at once and is on disk a moment later.

    Raises
    ------
    StorageError
        If the folder cannot be written to, or the disk is full.
    """
    import zarr

    from napari_segment_anything.storage.atomic import storage_errors
    from napari_segment_anything.storage.label_store import LabelStore
    from napari_segment_anything.storage.unthreaded_array import UnthreadedArray

    path = _free_path(folder, name)
    if _is_ome_order(axes):
        store = LabelStore.create(
            path,
            axes=axes,
            shape=shape,
            scale=scale,
            units=units,
            translate=translate,
            levels=1,
            chunk_side=_CHUNK_SIDE,
        )
        return WriteBehindArray(UnthreadedArray(store.labels), path)
    with storage_errors(path):
        array = zarr.create_array(
            path,
            shape=tuple(shape),
            chunks=tuple(
                min(int(length), _CHUNK_SIDE) if axis in "YX" else 1
                for axis, length in zip(axes, shape, strict=True)
            ),
            dtype=np.int32,
            dimension_names=list(axes.lower()),
        )
    return WriteBehindArray(UnthreadedArray(array), path)


def _is_ome_order(axes: str) -> bool:
    try:
        return ome_order(axes) == axes
    except InvalidAxesError:
        return False


def _free_path(folder: Path, name: str) -> Path:
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "labels"
    stem = f"{stem}-{time.strftime('%Y-%m-%d')}"
    names = (f"{stem}{f'-{n}' if n else ''}.zarr" for n in count())
    return next(folder / name for name in names if not (folder / name).exists())


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _USUAL_MEMORY
