"""Files that hold an image page by page, seen as one array."""

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class PagedArray:
    """An array whose pages are read when they are indexed.

    Parameters
    ----------
    outer_shape : tuple of int
        Shape of the grid of pages.
    inner_shape : tuple of int
        Shape of every page.
    dtype : numpy.dtype
        Data type of the pages.
    read_page : callable
        Returns the page of a number, counted through `outer_shape` in C order.
        To be sent to other processes it must be picklable.
    """

    def __init__(
        self,
        outer_shape: tuple[int, ...],
        inner_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        read_page: Callable[[int], NDArray[Any]],
    ) -> None:
        self.inner_shape = inner_shape
        self._outer_shape = outer_shape
        self.shape = outer_shape + inner_shape
        self.dtype = dtype
        self._read_page = read_page

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __getitem__(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read the pages that a full tuple of ints and slices names, and no others."""
        n_outer = len(self._outer_shape)
        outer_key, inner_key = key[:n_outer], key[n_outer:]
        chosen = [
            range(length)[k] if isinstance(k, slice) else [range(length)[k]]
            for k, length in zip(outer_key, self._outer_shape, strict=True)
        ]
        pages = [
            self._read_page(self._number(position))[inner_key]
            for position in product(*chosen)
        ]
        kept = tuple(
            len(c)
            for k, c in zip(outer_key, chosen, strict=True)
            if isinstance(k, slice)
        )
        return np.stack(pages).reshape(kept + pages[0].shape)

    def _number(self, position: tuple[int, ...]) -> int:
        return sum(
            n * prod(self._outer_shape[axis + 1 :]) for axis, n in enumerate(position)
        )
