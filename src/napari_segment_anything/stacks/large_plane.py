"""Which planes are read as a whole, and which band by band."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.stacks.stack import Stack

# Values, about those of 8000 × 8000 pixels.
_MOST_VALUES = 2**26
_BAND_VALUES = 2**22


def plane_of(stack: Stack, index: Sequence[int]) -> NDArray[Any] | BandedPlane:
    """Read a plane; a very large one is read as parts of it are asked for.

    A plane is read as a whole if it is not very large, if it is in memory already, or
    if its chunks reach so far that all of it would be read for a part.

    Parameters
    ----------
    stack : Stack
        The stack.
    index : sequence of int
        Position along each of its index axes.

    Raises
    ------
    UnreadableInputError
        If it cannot be read; of a large plane, when a part is asked for.
    """
    shape: tuple[int, ...] = (
        (*stack.plane_shape, 3) if stack.is_rgb else stack.plane_shape
    )
    n_values = int(np.prod(shape, dtype=np.int64))
    chunk = _chunk_length(stack.data, stack.axes.index(stack.plane_axes[0]))
    if n_values <= _MOST_VALUES or chunk is None:
        return stack.read(index)
    row_values = n_values // shape[0]
    n_rows = chunk * max(1, _BAND_VALUES // (row_values * chunk))
    if n_rows * row_values > _MOST_VALUES:
        return stack.read(index)
    place, row_axis = tuple(index), stack.plane_axes[0]

    def read_rows(rows: slice) -> NDArray[Any]:
        return stack.select(**{row_axis: rows}).read(place)

    return BandedPlane(shape, stack.dtype, read_rows, n_rows=n_rows)


def _chunk_length(data: Any, dimension: int) -> int | None:
    """How far the chunks of an array reach; None where that is not known."""
    # Of xarray, the array inside.
    data = getattr(data, "variable", data)
    chunks = getattr(data, "chunks", None)
    if chunks is None:
        layout = getattr(data, "chunk_layout", None)
        chunks = None if layout is None else layout.read_chunk.shape
    if chunks is None or len(chunks) <= dimension:
        return None
    length = chunks[dimension]
    # dask lists the length of each chunk.
    return int(max(length)) if isinstance(length, tuple) else int(length)
