"""The outline of a mask as a polygon, to be drawn and moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.drawing import Drawing, Kind, Outline

if TYPE_CHECKING:
    import numpy.typing as npt

_TOLERANCE = 0.75


def outline_of(mask: npt.NDArray[np.bool_], corner: tuple[int, int]) -> Drawing:
    """Return a mask as a drawing of one polygon, or of its box where it is tiny.

    Parameters
    ----------
    mask : ndarray
        (h, w) pixels; of several regions the longest outline is taken.
    corner : tuple of int
        Plane position (y, x) of its first pixel.
    """
    from skimage.measure import approximate_polygon, find_contours

    padded = np.pad(mask, 1).astype(float)
    contours = find_contours(padded, 0.5)  # type: ignore[no-untyped-call]
    longest = max(contours, key=len)
    # The first vertex is repeated at the end, which a polygon needs not.
    vertices = approximate_polygon(longest, _TOLERANCE)  # type: ignore[no-untyped-call]
    vertices = vertices[:-1]
    if len(vertices) >= 3:
        return Drawing(outlines=(Outline(Kind.POLYGON, vertices - 1 + corner),))
    y0, x0 = corner
    y1, x1 = y0 + mask.shape[0] - 1, x0 + mask.shape[1] - 1
    corners = np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]], dtype=float)
    return Drawing(outlines=(Outline(Kind.RECTANGLE, corners),))
