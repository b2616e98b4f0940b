"""Reading one plane of an n-D array by as few requests as possible."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_segment_anything.stacks.array_like import ArrayLike

_N_COLOURS = 3


@dataclass(frozen=True)
class PlaneReader:
    """Turns a position along the index axes into a plane.

    Parameters
    ----------
    data : array-like
        The array.
    ranges : mapping of str to range
        What of each axis belongs to the stack, in the order of the axes.
    channels : tuple of int
        Channels to read; empty without a channel axis.
    plane_axes : tuple of str
        Axes of the rows and columns.
    """

    data: ArrayLike
    ranges: Mapping[str, range]
    channels: tuple[int, ...]
    plane_axes: tuple[str, str]

    def read(self, position: Mapping[str, int]) -> NDArray[Any]:
        """Read (H, W) or (H, W, 3) at a position of the array."""
        if len(self.channels) <= 1:
            return self._read_part(position, self.channels[0] if self.channels else 0)
        colours = np.moveaxis(self._read_channels(position), 0, -1)
        return colours[..., [0, 1, 0]] if len(self.channels) == 2 else colours

    def _read_channels(self, position: Mapping[str, int]) -> NDArray[Any]:
        """Read the channels as (n, H, W), in one request where they line up."""
        first, second, *_ = self.channels
        last, step = self.channels[-1], second - first
        if step > 0 and self.channels == tuple(range(first, last + 1, step)):
            return self._read_part(position, slice(first, last + 1, step))
        return np.stack([self._read_part(position, c) for c in self.channels])

    def _read_part(
        self, position: Mapping[str, int], channel: int | slice
    ) -> NDArray[Any]:
        """Read (H, W), (n channels, H, W) or (H, W, 3)."""
        key = {axis: self._key_of(axis, position, channel) for axis in self.ranges}
        kept = [axis for axis, wanted in key.items() if isinstance(wanted, slice)]
        part = np.asarray(self.data[tuple(key.values())])
        order = [axis for axis in ("C", *self.plane_axes, "S") if axis in kept]
        return part.transpose([kept.index(axis) for axis in order])

    def _key_of(
        self, axis: str, position: Mapping[str, int], channel: int | slice
    ) -> int | slice:
        if axis in position:
            return position[axis]
        if axis == "C":
            return channel
        chosen = self.ranges[axis]
        if axis == "S":
            # Alpha is no colour, and a grey image with alpha is grey.
            return slice(0, _N_COLOURS) if len(chosen) >= _N_COLOURS else 0
        stop = chosen[-1] + (1 if chosen.step > 0 else -1)
        return slice(chosen[0], stop if stop >= 0 else None, chosen.step)
