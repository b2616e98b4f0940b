"""What an array must offer to be read as a stack."""

from typing import Any, Protocol


class ArrayLike(Protocol):
    """What numpy, dask, zarr, tensorstore and xarray arrays have in common."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""

    @property
    def dtype(self) -> Any:
        """Data type of the elements."""

    def __getitem__(self, key: Any) -> Any:
        """Return the part of the array that a tuple of ints and slices names."""
