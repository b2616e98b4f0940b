"""Where a plane lies in an array, and whether it fits there."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

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


def check_plane(plane: NDArray[Any], shape: tuple[int, ...], kinds: str) -> None:
    """Raise `InvalidImageError` if a plane has another shape or kind of numbers."""
    if plane.shape != shape or plane.dtype.kind not in kinds:
        what = "numbers" if "f" in kinds else "integers"
        raise InvalidImageError(
            f"A plane must hold {what} of shape {shape}, not {plane.dtype} of "
            f"{plane.shape}."
        )
