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


def less(drawing: Drawing, part: Drawing) -> Drawing | None:
    """Return a drawing less the points and shapes of a part; None if any is missing."""
    points = [*zip(drawing.points.tolist(), drawing.is_inside.tolist(), strict=True)]
    kept = list(range(len(points)))
    for point in zip(part.points.tolist(), part.is_inside.tolist(), strict=True):
        same = next((i for i in kept if points[i] == point), None)
        if same is None:
            return None
        kept.remove(same)
    outlines = list(drawing.outlines)
    for outline in part.outlines:
        equal = next((i for i, one in enumerate(outlines) if one.equals(outline)), None)
        if equal is None:
            return None
        del outlines[equal]
    return Drawing(drawing.points[kept], drawing.is_inside[kept], tuple(outlines))
