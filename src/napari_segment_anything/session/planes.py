"""Planes of one image: which one is meant, and how it is read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.engine.stretch import Stretch
    from napari_segment_anything.stacks.array_like import ArrayLike
    from napari_segment_anything.stacks.stack import Stack

_SPACE = frozenset("ZYX")


@dataclass(frozen=True)
class PlaneId:
    """Which plane of an image.

    Parameters
    ----------
    plane_axes : tuple of str
        Axis letters of the rows and the columns, in the order of the array.
    index : tuple of (str, int)
        Position along every other axis, in the order of the array.
    """

    plane_axes: tuple[str, str] = ("Y", "X")
    index: tuple[tuple[str, int], ...] = ()

    def position(self, letter: str) -> int | None:
        """Position along an axis; None for a plane axis or one that is not there."""
        return dict(self.index).get(letter)

    def describe(self) -> str:
        """Short text for people, such as ``T 3, Z 0``; empty for a single plane."""
        return ", ".join(f"{letter} {number}" for letter, number in self.index)


@dataclass(eq=False)
class PlaneSource:
    """One image as the session reads it, plane by plane.

    A channel axis is treated as the user sees it: the channel that is shown is the
    grey image to segment. May be used by several threads at once.

    Parameters
    ----------
    data : array-like
        The image, whole resolution.
    axes : str
        One letter per dimension, ``S`` last for RGB samples.
    name : str, optional
        What to call the image in messages.
    pixel_sizes : tuple of float, optional
        Length of a pixel along each axis but ``S``, in one unit; by default all are
        alike. Planes with oblong pixels are shown to the model with square ones.

    Raises
    ------
    InvalidAxesError, InvalidImageError
        When the axes do not fit, or the image cannot be segmented.
    """

    data: ArrayLike
    axes: str
    name: str = ""
    pixel_sizes: tuple[float, ...] = ()
    _ranges: dict[tuple[object, ...], tuple[float, float]] = field(
        default_factory=dict, init=False, repr=False
    )
    _lock: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False
    )

    def __post_init__(self) -> None:
        # A Stack checks axes and content; better here than at the first click.
        self._stack(("Y", "X"), 0 if "C" in self.axes else None)

    def stack(self, plane: PlaneId) -> Stack:
        """Return all planes that lie like this one, of the same channel."""
        return self._stack(plane.plane_axes, plane.position("C"))

    def stack_index(self, plane: PlaneId) -> tuple[int, ...]:
        """Return the index of a plane in `stack`."""
        return tuple(number for letter, number in plane.index if letter != "C")

    def plane_shape(self, plane: PlaneId) -> tuple[int, int]:
        """Rows and columns of a plane, in pixels."""
        rows, columns = (self.axes.index(letter) for letter in plane.plane_axes)
        return int(self.data.shape[rows]), int(self.data.shape[columns])

    def stretch(self, plane: PlaneId) -> Stretch:
        """Return what makes the pixels of a plane square, where they are in space."""
        from napari_segment_anything.engine.stretch import Stretch

        sizes = dict(zip(self.axes, self.pixel_sizes, strict=False))
        if not sizes or not _SPACE.issuperset(plane.plane_axes):
            return Stretch()
        height, width = (abs(sizes[letter]) for letter in plane.plane_axes)
        return Stretch.of_pixel(height, width)

    def read_square(self, plane: PlaneId) -> npt.NDArray[np.generic]:
        """Read one plane as the model sees it: with pixels that are nearly square.

        Raises
        ------
        UnreadableInputError
            When a chunk or file behind the plane cannot be read.
        """
        return self.stretch(plane).pixels(self.read(plane))

    def read(self, plane: PlaneId) -> npt.NDArray[np.generic]:
        """Read one plane, (H, W) or (H, W, 3).

        Raises
        ------
        UnreadableInputError
            When a chunk or file behind the plane cannot be read.
        """
        return self.stack(plane).read(self.stack_index(plane))

    def intensity_range(self, plane: PlaneId) -> tuple[float, float]:
        """Intensities that become black and white: one range for the whole stack.

        Estimated once, from a sample of planes, and kept; slow the first time.
        """
        from napari_segment_anything.stacks.intensity import estimate_intensity_range

        key = (plane.plane_axes, plane.position("C"))
        with self._lock:
            if key not in self._ranges:
                low, high = estimate_intensity_range(self.stack(plane))
                self._ranges[key] = (low, high)
            return self._ranges[key]

    def _stack(self, plane_axes: tuple[str, str], channel: int | None) -> Stack:
        from napari_segment_anything.stacks.stack import Stack

        return Stack(
            self.data,
            self.axes,
            channel=channel,
            plane_axes=plane_axes,
            name=self.name,
        )
