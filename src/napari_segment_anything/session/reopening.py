"""What a finished object is drawn with when it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.drawing import Drawing, Kind, Outline

if TYPE_CHECKING:
    from napari_segment_anything.session.objects import AcceptedObject


def prompts_of(known: AcceptedObject) -> Drawing:
    """Return what an object is opened again with.

    One that everything mode found has no prompts of its own; it gets its box.
    """
    if not known.drawing.is_empty:
        return known.drawing
    y0, x0 = known.corner
    y1, x1 = y0 + known.mask.shape[0] - 1, x0 + known.mask.shape[1] - 1
    corners = np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]], dtype=float)
    return Drawing(outlines=(Outline(Kind.RECTANGLE, corners),))


def less(drawing: Drawing, part: Drawing) -> Drawing:
    """Return a drawing less its first points and shapes, as many as a part has."""
    n_points, n_outlines = len(part.points), len(part.outlines)
    return Drawing(
        drawing.points[n_points:],
        drawing.is_inside[n_points:],
        drawing.outlines[n_outlines:],
    )
