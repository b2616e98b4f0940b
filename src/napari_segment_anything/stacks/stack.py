"""Any n-D array as a stack of planes that are read one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from itertools import product
from operator import index as as_int
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from napari_segment_anything.errors import (
    InvalidAxesError,
    SegmentAnythingError,
    UnreadableInputError,
)
from napari_segment_anything.stacks.array_like import ArrayLike
from napari_segment_anything.stacks.axes import parse_axes
from napari_segment_anything.stacks.plane_reader import PlaneReader
from napari_segment_anything.stacks.validation import (
    check_not_empty,
    check_something_is_left,
    checked_channels,
    checked_dtype,
    checked_plane_axes,
)

_READ_ERRORS = (OSError, ValueError, RuntimeError, LookupError, EOFError)


class Stack:
    """An n-D image as planes: two plane axes, at most one channel axis, and indices.

    Nothing is read until `read` is called, and then only the chunks that hold the
    plane. A stack is a value: `select` returns another stack of the same array.

    Parameters
    ----------
    data : array-like
        numpy, dask, zarr (v2, v3), tensorstore or xarray array, or anything else with
        ``shape``, ``dtype`` and basic indexing.
    axes : str
        One letter per dimension, see `napari_segment_anything.stacks.axes`.
    channel : int or tuple of int, optional
        Channel to read, or two or three channels to compose to RGB: three become
        red, green, blue; two become magenta and green, which colour-blind people
        tell apart. By default the first channel is read.
    plane_axes : sequence of str, optional
        Axes that become the rows and the columns of a plane, such as ``"ZX"``.
    scale, units : mapping of str to float or str, optional
        Size of a pixel along each axis, and the unit of that size.
    translate : mapping of str to float, optional
        Where the centre of the first pixel lies along each axis, in those units.
    name, source : str, optional
        What to call the stack, and where it comes from.
    series : tuple of int, optional
        Number of the image there, and how many there are.

    Raises
    ------
    InvalidImageError
        If the array is empty, or its dtype is neither bool, integer nor real.
    InvalidAxesError
        If axes, plane axes or channels do not fit the array.
    """

    def __init__(
        self,
        data: ArrayLike,
        axes: str,
        *,
        channel: int | tuple[int, ...] | None = None,
        plane_axes: Sequence[str] = "YX",
        scale: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        translate: Mapping[str, float] | None = None,
        name: str = "",
        source: str = "",
        series: tuple[int, int] = (0, 1),
    ) -> None:
        self.data = data
        self.axes = parse_axes(axes, data.shape)
        self.dtype = checked_dtype(data.dtype)
        self.plane_axes = checked_plane_axes(plane_axes, self.axes)
        self.scale = dict(scale or {})
        self.units = dict(units or {})
        self.translate = dict(translate or {})
        self.name = name
        self.source = source
        self.series = series
        self._ranges = {
            letter: range(length)
            for letter, length in zip(self.axes, data.shape, strict=True)
        }
        check_not_empty(self.axes, self.shape)
        self.channels = checked_channels(channel, self.axes, data.shape)

    def __repr__(self) -> str:
        return (
            f"Stack({self.name or 'unnamed'}: {self.axes} {self.shape}, {self.dtype})"
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis, in the order of `axes`."""
        return tuple(len(self._ranges[letter]) for letter in self.axes)

    @property
    def kept(self) -> Mapping[str, range]:
        """Positions in the whole array that each axis has kept, see `select`."""
        return dict(self._ranges)

    @property
    def index_axes(self) -> str:
        """Axes that number the planes, such as ``"TZ"``, in the order of `axes`."""
        no_index = {*self.plane_axes, "C", "S"}
        return "".join(letter for letter in self.axes if letter not in no_index)

    @property
    def index_shape(self) -> tuple[int, ...]:
        """Length of each index axis; ``()`` for a single plane."""
        return tuple(len(self._ranges[letter]) for letter in self.index_axes)

    @property
    def n_planes(self) -> int:
        """Number of planes."""
        return int(np.prod(self.index_shape, dtype=np.int64))

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns of a plane, in pixels."""
        rows, columns = self.plane_axes
        return len(self._ranges[rows]), len(self._ranges[columns])

    @property
    def is_rgb(self) -> bool:
        """Whether planes are read as (H, W, 3)."""
        if len(self.channels) > 1:
            return True
        return "S" in self.axes and len(self._ranges["S"]) >= 3

    @property
    def time_axis(self) -> str | None:
        """Axis along which objects are followed: T, otherwise Z, otherwise None."""
        return next((letter for letter in "TZ" if letter in self.index_axes), None)

    def indices(self) -> Iterator[tuple[int, ...]]:
        """Iterate over the index of every plane in C order."""
        return product(*(range(length) for length in self.index_shape))

    def read(self, index: Sequence[SupportsIndex] | SupportsIndex = ()) -> NDArray[Any]:
        """Read one plane.

        Parameters
        ----------
        index : int or sequence of int
            Position along each of `index_axes`; negative ones count from the end.

        Returns
        -------
        numpy.ndarray
            (H, W), or (H, W, 3) if `is_rgb`, in the dtype of the stack. It may share
            memory with the array of the stack: do not write to it.

        Raises
        ------
        IndexError
            If there is no such plane.
        UnreadableInputError
            If a chunk or file behind the plane cannot be read.
        """
        position = _checked_index(index, self.index_axes, self._ranges)
        reader = PlaneReader(
            data=self.data,
            ranges=self._ranges,
            channels=self.channels,
            plane_axes=self.plane_axes,
        )
        try:
            plane = reader.read(position)
        except SegmentAnythingError:
            raise
        except _READ_ERRORS as error:
            where = self.source or self.name or "the image"
            raise UnreadableInputError(_unreadable(where, position, error)) from error
        return np.ascontiguousarray(plane, dtype=self.dtype)

    def select(self, **selection: slice | SupportsIndex) -> "Stack":
        """Return a stack of a part of the same array, without reading anything.

        Parameters
        ----------
        **selection : slice or int
            What to keep of an axis, as in ``select(T=slice(0, 10), Y=slice(0, 64))``.
            An int keeps the axis with length one.

        Raises
        ------
        InvalidAxesError
            If there is no such axis, or it is the channel axis.
        InvalidImageError
            If nothing is left.
        """
        part = copy(self)
        part._ranges = dict(self._ranges)
        part.scale, part.translate = dict(self.scale), dict(self.translate)
        for letter, wanted in selection.items():
            if letter not in self._ranges or letter in "CS":
                raise InvalidAxesError(
                    f"Cannot select along {letter!r}: the stack has the axes "
                    f"{self.axes!r}; channels are chosen when it is opened."
                )
            if not isinstance(wanted, slice):
                wanted = slice(as_int(wanted), as_int(wanted) + 1 or None)
            chosen = self._ranges[letter][wanted]
            check_something_is_left(letter, len(self._ranges[letter]), chosen)
            part._place(letter, chosen)
        return part

    def _place(self, letter: str, chosen: range) -> None:
        """Narrow an axis, and say where in the world its pixels lie now."""
        before, self._ranges[letter] = self._ranges[letter], chosen
        if chosen == before:
            return
        size = self.scale.get(letter, 1.0)
        moved = (chosen[0] - before[0]) / before.step * size
        if moved:
            self.translate[letter] = self.translate.get(letter, 0.0) + moved
        if chosen.step != before.step:
            self.scale[letter] = size * chosen.step / before.step


def _unreadable(where: str, position: Mapping[str, int], error: Exception) -> str:
    """Return the sentence that a plane cannot be read."""
    place = ", ".join(f"{axis}={n}" for axis, n in position.items())
    return (
        f"Plane {place or '0'} of {where} cannot be read: {error}. "
        f"Check the file or copy it again."
    )


def _checked_index(
    index: Sequence[SupportsIndex] | SupportsIndex,
    axes: str,
    ranges: Mapping[str, range],
) -> dict[str, int]:
    """Where in the array an index along some axes lies."""
    given = (index,) if isinstance(index, SupportsIndex) else index
    numbers = tuple(as_int(number) for number in given)
    if len(numbers) != len(axes):
        raise IndexError(
            f"Index {numbers} has {len(numbers)} numbers, but planes are numbered "
            f"by the axes {axes!r}."
        )
    for letter, number in zip(axes, numbers, strict=True):
        length = len(ranges[letter])
        if not -length <= number < length:
            raise IndexError(f"Index {number} is outside axis {letter} ({length}).")
    return {
        letter: ranges[letter][number]
        for letter, number in zip(axes, numbers, strict=True)
    }
