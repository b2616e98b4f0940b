"""What a finished object is drawn with when it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.session.contours import outline_of
from napari_segment_anything.session.drawing import Drawing

if TYPE_CHECKING:
    from napari_segment_anything.session.objects import AcceptedObject


def prompts_of(known: AcceptedObject) -> Drawing:
    """Return what an object is opened again with.

    One that was not drawn has no prompts of its own; it gets its outline.
    """
    if known.drawing.is_empty:
        return outline_of(known.mask, known.corner)
    return known.drawing


def less(drawing: Drawing, part: Drawing) -> Drawing:
    """Return a drawing less its first points and shapes, as many as a part has."""
    n_points, n_outlines = len(part.points), len(part.outlines)
    return Drawing(
        drawing.points[n_points:],
        drawing.is_inside[n_points:],
        drawing.outlines[n_outlines:],
    )
