"""What a reader found in a source, before axes and channels are settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_segment_anything.stacks.array_like import ArrayLike


@dataclass(frozen=True)
class Opened:
    """An array and what its file says about it.

    Parameters
    ----------
    data : array-like
        The array, not read yet.
    axes : str or None
        Axis letters from metadata, with ``Q`` for an axis that is not named; None if
        the file says nothing.
    channel : tuple of int or None
        Channels that the file declares to be red, green and blue.
    scale, units : mapping
        Size of a pixel along each axis, and its unit.
    name : str
        What the file calls the image.
    translate : mapping
        Where the centre of the first pixel lies along each axis, in those units.
    series : tuple of int
        Number of the image, and how many the file holds.
    """

    data: ArrayLike
    axes: str | None = None
    channel: tuple[int, ...] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    translate: Mapping[str, float] = field(default_factory=dict)
    series: tuple[int, int] = (0, 1)
