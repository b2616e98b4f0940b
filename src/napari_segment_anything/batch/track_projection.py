"""A stack with one axis less: its planes are projections, made as they are read."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import InvalidAxesError, InvalidSettingsError
from napari_segment_anything.stacks.plane_array import PlaneArray
from napari_segment_anything.stacks.stack import Stack

Projection = Literal["max", "mean"]


def project_stack(stack: Stack, axis: str = "Z", how: Projection = "max") -> Stack:
    """Project a stack along one of its index axes.

    Parameters
    ----------
    stack : Stack
        Nothing is read yet.
    axis : str
        The axis that goes.
    how : str
        ``max`` or ``mean``; a mean is in floating point.

    Raises
    ------
    InvalidAxesError
        If the stack has no such axis.
    InvalidSettingsError
        If `how` is neither of the two.
    """
    if axis not in stack.index_axes:
        raise InvalidAxesError(
            f"There is nothing to project: the stack has the axes {stack.axes!r} and "
            f"no {axis}; leave the projection out."
        )
    if how not in get_args(Projection):
        raise InvalidSettingsError(f"A projection is 'max' or 'mean', not {how!r}.")
    axes = stack.index_axes.replace(axis, "") + "".join(stack.plane_axes)
    return Stack(
        Projected(stack, axis, how),
        axes + "S" * stack.is_rgb,
        plane_axes=stack.plane_axes,
        scale={a: s for a, s in stack.scale.items() if a != axis},
        units={a: u for a, u in stack.units.items() if a != axis},
        translate={a: t for a, t in stack.translate.items() if a != axis},
        name=stack.name,
        source=stack.source,
    )


@dataclass(frozen=True, eq=False)
class Projected(PlaneArray):
    """An array of projections.

    Attributes
    ----------
    stack : Stack
        What is projected.
    axis : str
        The axis that goes.
    how : str
        ``max`` or ``mean``.
    """

    stack: Stack
    axis: str
    how: Projection

    @property
    def index_shape(self) -> tuple[int, ...]:
        """Length of each index axis that stays."""
        lengths = zip(self.stack.index_axes, self.stack.index_shape, strict=True)
        return tuple(length for letter, length in lengths if letter != self.axis)

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        colours = (3,) if self.stack.is_rgb else ()
        return (*self.stack.plane_shape, *colours)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the intensities."""
        return np.dtype(np.float32) if self.how == "mean" else self.stack.dtype

    def plane(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """Read the planes along the axis, and project them."""
        place = self.stack.index_axes.index(self.axis)
        n_planes = self.stack.index_shape[place]
        result: npt.NDArray[Any] | None = None
        # One plane after the other, so that no more than two are in memory.
        for k in range(n_planes):
            plane = self.stack.read((*index[:place], k, *index[place:]))
            if self.how == "mean":
                plane = plane.astype(np.float32) / n_planes
                result = plane if result is None else result + plane
            else:
                result = plane if result is None else np.maximum(result, plane)
        return np.asarray(result, self.dtype)
