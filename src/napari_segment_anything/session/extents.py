"""Where on each plane the pixels of an object can lie, without reading any."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.planes import PlaneId

if TYPE_CHECKING:
    from napari_segment_anything.session.pixel_edit import PixelEdit

    Box = tuple[int, int, int, int]
    """(y0, x0, y1, x1) in plane pixels, half-open."""


class Extents:
    """Boxes by object and plane that only grow.

    A box holds every pixel that ever had the object's number there, so that changing an
    object needs to read no more than its box, however large the plane is.
    """

    def __init__(self) -> None:
        # By orientation, so that among a thousand planes one is found at once.
        self._boxes: dict[int, dict[tuple[str, str], dict[PlaneId, Box]]] = {}

    def include(self, object_id: int, plane: PlaneId, box: Box) -> None:
        """Let an object's box on a plane hold this box too."""
        of_object = self._boxes.setdefault(object_id, {})
        boxes = of_object.setdefault(plane.plane_axes, {})
        boxes[plane] = _around(boxes[plane], box) if plane in boxes else box

    def include_edit(self, edit: PixelEdit, axes: str, plane: PlaneId) -> None:
        """Let the boxes of objects hold what was painted with their numbers.

        Parameters
        ----------
        edit : PixelEdit
            What was painted.
        axes : str
            One letter per dimension of the labels.
        plane : PlaneId
            The plane that was shown. A brush may reach through several planes.
        """
        through = [a for a in range(len(axes)) if axes[a] not in plane.plane_axes]
        keys = np.stack([edit.after, *(edit.index[a] for a in through)], axis=1)
        groups, member = np.unique(keys, axis=0, return_inverse=True)
        member = member.reshape(-1)
        rows, columns = (edit.index[axes.index(a)] for a in plane.plane_axes)
        for number, (label, *positions) in enumerate(groups.tolist()):
            if label > 0:
                y, x = (each[member == number] for each in (rows, columns))
                index = tuple(
                    (axes[a], position)
                    for a, position in zip(through, positions, strict=True)
                )
                self.include(
                    label,
                    PlaneId(plane.plane_axes, index),
                    (int(y.min()), int(x.min()), int(y.max()) + 1, int(x.max()) + 1),
                )

    def box(self, object_id: int, plane: PlaneId) -> Box | None:
        """Return the box beyond which no pixel of an object lies on a plane.

        Planes of other orientation through the object count as well. None when
        nothing of it was ever on the plane.
        """
        found: list[Box | None] = []
        for plane_axes, boxes in self._boxes.get(object_id, {}).items():
            if plane_axes == plane.plane_axes:
                found.append(boxes.get(plane))
            else:
                found += [_shared(other, box, plane) for other, box in boxes.items()]
        there = [box for box in found if box is not None]
        return functools.reduce(_around, there) if there else None


def _around(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _shared(other: PlaneId, box: Box, plane: PlaneId) -> Box | None:
    """Return what a box on a plane of other orientation has in common with a plane."""
    y0, x0, y1, x1 = box
    rows, columns = other.plane_axes
    ranges = {letter: (at, at + 1) for letter, at in other.index}
    ranges |= {rows: (y0, y1), columns: (x0, x1)}
    for letter, at in plane.index:
        if not ranges[letter][0] <= at < ranges[letter][1]:
            return None
    (top, bottom), (left, right) = (ranges[letter] for letter in plane.plane_axes)
    return top, left, bottom, right
