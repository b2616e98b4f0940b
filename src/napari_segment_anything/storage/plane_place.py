"""Where a plane lies in an array, and whether it fits there."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.errors import InvalidImageError

Place = tuple[tuple[int | slice, ...], list[int]]


def place_of(
    index: Sequence[int], axes: str, index_axes: str, plane_axes: str
) -> Place:
    """Return the key of a plane, and how its axes are ordered on disk."""
    position = dict(zip(index_axes, map(int, index), strict=True))
    is_colour = "C" in axes and "C" not in index_axes
    given = ("C" if is_colour else "") + plane_axes
    key = tuple(position.get(axis, slice(None)) for axis in axes)
    return key, [given.index(axis) for axis in axes if axis in given]


def with_rows(
    key: tuple[int | slice, ...], row_axis: int, rows: slice, level: int
) -> tuple[int | slice, ...]:
    """Narrow the key of a plane to some of its rows, at a level of half the size each.

    Parameters
    ----------
    key : tuple
        As from `place_of`.
    row_axis : int
        Which of its axes holds the rows.
    rows : slice
        At full resolution; the first one is a multiple of what becomes one row.
    level : int
        How many times rows and columns were halved.
    """
    stop = -(-rows.stop // 2**level)
    return (*key[:row_axis], slice(rows.start // 2**level, stop), *key[row_axis + 1 :])


def check_plane(
    plane: NDArray[Any] | BandedPlane,
    shape: tuple[int, ...],
    kinds: str,
) -> None:
    """Raise `InvalidImageError` if a plane has another shape or kind of numbers."""
    if plane.shape != shape or plane.dtype.kind not in kinds:
        what = "numbers" if "f" in kinds else "integers"
        raise InvalidImageError(
            f"A plane must hold {what} of shape {shape}, not {plane.dtype} of "
            f"{plane.shape}."
        )
