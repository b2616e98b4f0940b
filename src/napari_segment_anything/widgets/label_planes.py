"""Labels of a layer, plane by plane in the order of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_segment_anything.errors import InvalidImageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.session.planes import PlaneId


@dataclass(frozen=True, eq=False)
class LabelPlanes:
    """A labels layer as planes in the order of a stack, (*index axes, H, W).

    Parameters
    ----------
    data : array
        Of the layer: all planes of the image, or a single one.
    axes : str
        Axes of the image.
    plane : PlaneId
        The plane that is shown; a single plane of labels belongs there.
    index_axes : str
        Axes that number the planes.
    starts : mapping of str to int
        Where the stack begins along each of them.
    shape : tuple of int
        Of the stack's planes.

    Raises
    ------
    InvalidImageError
        If the labels do not fit the image.
    """

    data: Any
    axes: str
    plane: PlaneId
    index_axes: str
    starts: dict[str, int]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        n = len(self.data.shape)
        if n not in (2, len(self._letters), len(self.axes)):
            raise InvalidImageError(
                f"The labels to start from have {n} dimensions, but the image has "
                f"{len(self.axes)}; choose labels of this image, or of one plane."
            )

    @property
    def dtype(self) -> Any:
        """Type of the ids."""
        return self.data.dtype

    @property
    def _letters(self) -> str:
        is_whole = len(self.data.shape) == len(self.axes)
        return self.axes if is_whole else self.axes.replace("C", "")

    def __getitem__(self, index: tuple[int, ...]) -> npt.NDArray[np.integer]:
        """Labels of one plane of the stack."""
        place = {
            letter: n + self.starts.get(letter, 0)
            for letter, n in zip(self.index_axes, index, strict=True)
        }
        if len(self.data.shape) == 2:
            is_shown = all(self.plane.position(a) == n for a, n in place.items())
            plane = np.asarray(self.data)
            return plane if is_shown else np.zeros_like(plane)
        key = tuple(
            slice(None) if a in self.plane.plane_axes else place.get(a, 0)
            for a in self._letters
        )
        return np.asarray(self.data[key])
