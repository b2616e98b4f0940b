"""Several grey images shown over each other, as one colour image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.contrast import rescale_intensity
from napari_segment_anything.errors import InvalidImageError
from napari_segment_anything.stacks.array_like import ArrayLike


@dataclass(frozen=True, eq=False)
class Colouring:
    """How one grey image is coloured.

    Parameters
    ----------
    low, high : float
        Intensities that get the first and the last colour.
    colours : ndarray
        (256, 3) red, green and blue in 0..1, from the first colour to the last.
    """

    low: float
    high: float
    colours: npt.NDArray[np.floating]


class ComposedArray:
    """The sum of coloured images, read where it is looked at.

    Parameters
    ----------
    images : sequence of array-like
        Of one shape, without colours of their own.
    colourings : sequence of Colouring
        One for each image.

    Raises
    ------
    InvalidImageError
        If the images differ in shape.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, images: Sequence[ArrayLike], colourings: Sequence[Colouring]
    ) -> None:
        shapes = {tuple(map(int, image.shape)) for image in images}
        if len(shapes) != 1:
            raise InvalidImageError(
                f"Images of the shapes {sorted(shapes)} cannot be composed; choose "
                f"images of one shape."
            )
        self.shape: tuple[int, ...] = (*shapes.pop(), 3)
        self._parts = list(zip(images, colourings, strict=True))

    @property
    def ndim(self) -> int:
        """Number of axes, that of the colours included."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def chunks(self) -> tuple[Any, ...] | None:
        """Chunks of the first image, if it has some."""
        chunks = getattr(self._parts[0][0], "chunks", None)
        return None if chunks is None else (*chunks, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.asarray(self[...], dtype)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint8]:
        """Read and colour what ints and slices name."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis in [k for k in keys if not isinstance(k, np.ndarray)]:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        *place, colour = keys
        total: npt.NDArray[Any] | None = None
        for image, colouring in self._parts:
            pixels = np.asarray(image[tuple(place)])
            steps = rescale_intensity(pixels, colouring.low, colouring.high)
            coloured = colouring.colours.astype(np.float32)[steps]
            total = coloured if total is None else total + coloured
        composed: npt.NDArray[np.uint8] = np.rint(
            255 * np.clip(total if total is not None else 0.0, 0, 1)
        ).astype(np.uint8)
        return composed[..., colour]
