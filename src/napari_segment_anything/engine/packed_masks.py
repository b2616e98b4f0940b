"""Many small masks in one block of memory, a bit a pixel, unpacked when read."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import overload

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.mask_set import MaskSet

BoolArray = npt.NDArray[np.bool_]


class PackedMasks(Sequence[BoolArray]):
    """A sequence of boolean masks that takes an eighth of their memory, or less.

    An array has a head of about a hundred bytes, which for a small object is a part
    that counts.

    Parameters
    ----------
    masks : iterable of ndarray
        2-D boolean masks, each of its own shape.
    """

    def __init__(self, masks: Iterable[BoolArray]) -> None:
        listed = list(masks)
        packed = [np.packbits(mask) for mask in listed]
        self._shapes = np.array([m.shape for m in listed], np.int32).reshape(-1, 2)
        sizes = np.array([len(bits) for bits in packed], np.int64)
        self._stops = np.cumsum(sizes)
        self._bits = np.concatenate(packed) if packed else np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self._shapes)

    @overload
    def __getitem__(self, index: int) -> BoolArray: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[BoolArray, ...]: ...

    def __getitem__(self, index: int | slice) -> BoolArray | tuple[BoolArray, ...]:
        """Unpack one mask, or several; what is written to them is lost."""
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        i = range(len(self))[index]
        start = self._stops[i - 1] if i else 0
        height, width = self._shapes[i]
        bits = self._bits[start : self._stops[i]]
        flat = np.unpackbits(bits, count=int(height) * int(width))
        mask: BoolArray = flat.view(np.bool_).reshape(height, width)
        return mask

    @property
    def nbytes(self) -> int:
        """Memory that is taken, bytes."""
        return self._bits.nbytes + self._shapes.nbytes + self._stops.nbytes


def packed(objects: MaskSet) -> MaskSet:
    """Return the same masks in an eighth of the memory, or less.

    They are unpacked whenever they are read.
    """
    if isinstance(objects.masks, PackedMasks):
        return objects
    return replace(objects, masks=PackedMasks(objects.masks))
