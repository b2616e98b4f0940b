"""A plane that is too large to be held: a few rows of it are there at a time."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

# A multiple of the rows that any level of a pyramid makes one row of.
_LEAST_ROWS = 1024
# Rows that were read stay for the tiles beside, up to so many bytes.
_KEPT_BYTES = 2**28


class BandedPlane:
    """Takes the place of an array where a plane is looked at part by part.

    Slices of it are arrays. They are cut from bands of rows, which are read in the
    order in which they are asked for and soon forgotten.

    Parameters
    ----------
    shape : tuple of int
        (H, W) or (H, W, 3).
    dtype : dtype
        Of the pixels.
    read_rows : callable
        Returns the rows of a slice (first row, the one after the last) as an array.
    n_rows : int
        Rows of a band: those of a chunk, or a multiple of them.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
        read_rows: Callable[[slice], Pixels],
        *,
        n_rows: int = _LEAST_ROWS,
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._read_rows = read_rows
        self._n_rows = n_rows
        self._kept: OrderedDict[int, Pixels] = OrderedDict()

    @property
    def ndim(self) -> int:
        """2, or 3 with colours."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes that all values would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Pixels:
        rows, *others = key if isinstance(key, tuple) else (key,)
        start, stop, step = rows.indices(len(self))
        parts = []
        for number in range(start // self._n_rows, -(-stop // self._n_rows)):
            top = number * self._n_rows
            # The first wanted row that lies in this band.
            first = max(start, top) + (start - max(start, top)) % step
            wanted = slice(first - top, max(first, stop) - top, step)
            parts.append(self._band(number)[(wanted, *others)])
        if not parts:
            return np.empty(self.shape, self.dtype)[(slice(0, 0), *others)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> Pixels:
        return np.asarray(self[:], dtype)

    def _band(self, number: int) -> Pixels:
        band = self._kept.pop(number, None)
        if band is None:
            top = number * self._n_rows
            band = self._read_rows(slice(top, min(top + self._n_rows, len(self))))
        self._kept[number] = band
        kept = sum(other.nbytes for other in self._kept.values())
        while kept > _KEPT_BYTES and len(self._kept) > 1:
            kept -= self._kept.popitem(last=False)[1].nbytes
        return band


def rows_of(plane: Pixels | BandedPlane) -> Iterator[slice]:
    """Iterate over rows that can be looked at together: of an array all of them.

    Bands begin at multiples of 1024 rows.
    """
    height = plane.shape[0]
    step = _LEAST_ROWS if isinstance(plane, BandedPlane) else height
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))
