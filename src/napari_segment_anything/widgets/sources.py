"""Images as the session reads them, one and the same for every dock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_segment_anything.session.planes import PlaneSource
from napari_segment_anything.widgets.plane import image_data, stack_axes

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(frozen=True, eq=False)
class _Kept:
    source: PlaneSource
    data: Any
    axes: str


class Sources:
    """Makes the `PlaneSource` of an image layer once, and again when it has changed."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Image, _Kept] = WeakKeyDictionary()

    def of(self, image: Image, axes: str) -> PlaneSource:
        """Return the source of an image with these axes, without RGB samples.

        Raises
        ------
        InvalidAxesError, InvalidImageError
            When the axes do not fit, or the image cannot be segmented.
        """
        data, named = image_data(image), stack_axes(image, axes)
        kept = self._kept.get(image)
        if kept is None or kept.data is not data or kept.axes != named:
            sizes = tuple(float(length) for length in image.scale)
            kept = _Kept(PlaneSource(data, named, image.name, sizes), data, named)
            self._kept[image] = kept
        return kept.source

    def renew(self, image: Image) -> None:
        """Forget an image: what it holds has changed."""
        self._kept.pop(image, None)
