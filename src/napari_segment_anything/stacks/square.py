"""Stacks whose planes have oblong pixels, read with pixels that are nearly square."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.stretch import Stretch
from napari_segment_anything.stacks.plane_array import PlaneArray
from napari_segment_anything.stacks.stack import Stack

_SPACE = frozenset("ZYX")
# Planes are stretched as a whole; larger ones would take too much memory.
_MOST_VALUES = 2**26


def stretch_of(stack: Stack) -> Stretch:
    """Return what makes the pixels of a stack's planes square.

    Nothing is to be done where the size of a pixel along a plane axis is not known or
    is no length, where the two have different units, and for planes that would become
    larger than about 8000 × 8000 pixels.
    """
    rows, columns = stack.plane_axes
    is_known = stack.scale.keys() >= {rows, columns} and {rows, columns} <= _SPACE
    if not is_known or stack.units.get(rows) != stack.units.get(columns):
        return Stretch()
    height, width = (abs(stack.scale[axis]) for axis in stack.plane_axes)
    stretch = Stretch.of_pixel(height, width)
    n_values = int(np.prod(stack.plane_shape)) * (3 if stack.is_rgb else 1)
    fits = n_values * stretch.rows * stretch.columns <= _MOST_VALUES
    return stretch if fits else Stretch()


def with_square_pixels(stack: Stack) -> Stack:
    """Return a stack as a model is to see it; the same one if its pixels are square.

    Planes are interpolated as they are read, exactly as the docks do, so that
    embeddings of one are found by the other.
    """
    stretch = stretch_of(stack)
    if not stretch.is_needed:
        return stack
    scale, translate = dict(stack.scale), dict(stack.translate)
    parts = (stretch.rows, stretch.columns)
    for axis, n in zip(stack.plane_axes, parts, strict=True):
        scale[axis] /= n
        # The outer edge of the first pixel stays where it is.
        translate[axis] = translate.get(axis, 0.0) + (1 - n) / 2 * scale[axis]
    return Stack(
        Squared(stack, stretch),
        stack.index_axes + "".join(stack.plane_axes) + "S" * stack.is_rgb,
        plane_axes=stack.plane_axes,
        scale=scale,
        units=stack.units,
        translate=translate,
        name=stack.name,
        source=stack.source,
    )


@dataclass(frozen=True, eq=False)
class Squared(PlaneArray):
    """An array of planes with square pixels.

    Attributes
    ----------
    stack : Stack
        Whose planes are stretched.
    stretch : Stretch
        How.
    """

    stack: Stack
    stretch: Stretch

    @property
    def index_shape(self) -> tuple[int, ...]:
        """Length of each index axis."""
        return self.stack.index_shape

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        height, width = self.stack.plane_shape
        colours = (3,) if self.stack.is_rgb else ()
        return (height * self.stretch.rows, width * self.stretch.columns, *colours)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Interpolated intensities are no whole numbers."""
        return np.dtype(np.float32)

    def plane(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Read one plane and stretch it."""
        return self.stretch.pixels(self.stack.read(index))
