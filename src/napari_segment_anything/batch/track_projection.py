"""A stack with one axis less: its planes are projections, made as they are read."""

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import InvalidAxesError, InvalidSettingsError
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
class Projected:
    """An array of projections, (*other index axes, H, W) or (…, H, W, 3).

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
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        lengths = zip(self.stack.index_axes, self.stack.index_shape, strict=True)
        kept = tuple(length for letter, length in lengths if letter != self.axis)
        colours = (3,) if self.stack.is_rgb else ()
        return (*kept, *self.stack.plane_shape, *colours)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the intensities."""
        return np.dtype(np.float32) if self.how == "mean" else self.stack.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """Read and project what a tuple of ints and slices names."""
        letters = self.stack.index_axes.replace(self.axis, "")
        parts = tuple(key) if isinstance(key, tuple) else (key,)
        parts += (slice(None),) * (len(self.shape) - len(parts))
        chosen = [
            list(range(length))[part] if isinstance(part, slice) else [int(part)]
            for part, length in zip(parts, self.shape[: len(letters)], strict=False)
        ]
        planes = [
            self._plane(dict(zip(letters, index, strict=True)))[parts[len(letters) :]]
            for index in product(*chosen)
        ]
        lengths = [
            len(picked)
            for part, picked in zip(parts, chosen, strict=False)
            if isinstance(part, slice)
        ]
        return np.stack(planes).reshape(*lengths, *planes[0].shape)

    def _plane(self, place: dict[str, int]) -> npt.NDArray[Any]:
        n = dict(zip(self.stack.index_axes, self.stack.index_shape, strict=True))
        result: npt.NDArray[Any] | None = None
        # One plane after the other, so that no more than two are in memory.
        for k in range(n[self.axis]):
            index = [({**place, self.axis: k})[a] for a in self.stack.index_axes]
            plane = self.stack.read(index)
            if self.how == "mean":
                plane = plane.astype(np.float32) / n[self.axis]
                result = plane if result is None else result + plane
            else:
                result = plane if result is None else np.maximum(result, plane)
        return np.asarray(result, self.dtype)
