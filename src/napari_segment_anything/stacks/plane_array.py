"""Planes that are made as they are read, in the guise of an array."""

from abc import ABC, abstractmethod
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt


class PlaneArray(ABC):
    """An array (*index axes, H, W) or (…, H, W, 3) of which no plane is kept."""

    @property
    @abstractmethod
    def index_shape(self) -> tuple[int, ...]:
        """Length of each index axis."""

    @property
    @abstractmethod
    def plane_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Type of the intensities."""

    @abstractmethod
    def plane(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Make one plane."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return (*self.index_shape, *self.plane_shape)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """Make the planes that a tuple of ints and slices names, and take its part."""
        parts = tuple(key) if isinstance(key, tuple) else (key,)
        parts += (slice(None),) * (len(self.shape) - len(parts))
        n_index = len(self.index_shape)
        chosen = [
            list(range(length))[part] if isinstance(part, slice) else [int(part)]
            for part, length in zip(parts, self.index_shape, strict=False)
        ]
        planes = [self.plane(index)[parts[n_index:]] for index in product(*chosen)]
        lengths = [
            len(picked)
            for part, picked in zip(parts, chosen, strict=False)
            if isinstance(part, slice)
        ]
        return np.stack(planes).reshape(*lengths, *planes[0].shape)
