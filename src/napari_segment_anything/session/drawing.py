"""What is drawn in the prompt layers, and which prompts that makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_segment_anything.session.objects import (
    PlanePrompts,
    nearest_box,
    no_flags,
    no_points,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.session.planes import PlaneId

# Many points along a stroke invert SAM's masks, so few of them are taken.
_POINTS_OF_PATH = 4


class Kind(StrEnum):
    """What a shape is; the words are napari's."""

    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"
    PATH = "path"
    LINE = "line"

    @property
    def is_rough_mask(self) -> bool:
        """Whether the shape follows the outline of an object."""
        return self in (Kind.ELLIPSE, Kind.POLYGON)

    @property
    def is_area(self) -> bool:
        """Whether the shape is drawn around an object, not through it."""
        return self not in (Kind.PATH, Kind.LINE)


@dataclass(frozen=True, eq=False)
class Outline:
    """A shape.

    Parameters
    ----------
    kind : Kind
        What it is.
    vertices : ndarray
        (n, d) corners of a rectangle or of the box of an ellipse, otherwise the
        vertices; (y, x) in plane pixels, or all coordinates of the layer.
    """

    kind: Kind
    vertices: npt.NDArray[np.float64]

    def equals(self, other: Outline) -> bool:
        """Whether both are the same shape at the same place."""
        return self.kind == other.kind and np.array_equal(self.vertices, other.vertices)

    @property
    def box(self) -> npt.NDArray[np.float64]:
        """(4,) box around it as (y0, x0, y1, x1)."""
        return np.concatenate([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Points inside of the object that the shape itself tells.

        None of a rectangle, whose middle may lie beside its object; one deep inside of
        an ellipse or polygon; a few along a path or line.
        """
        if self.kind == Kind.RECTANGLE:
            return no_points()
        if self.kind == Kind.ELLIPSE:
            return self._middle
        if self.kind == Kind.POLYGON:
            return self._deep_point()
        steps = np.hypot(*np.diff(self.vertices, axis=0).T)
        length = np.concatenate([[0], np.cumsum(steps)])
        at = (np.arange(_POINTS_OF_PATH) + 0.5) / _POINTS_OF_PATH * length[-1]
        columns = [np.interp(at, length, column) for column in self.vertices.T]
        return np.stack(columns, axis=1)

    @property
    def _middle(self) -> npt.NDArray[np.float64]:
        middle: npt.NDArray[np.float64] = self.vertices.mean(axis=0, keepdims=True)
        return middle

    def _deep_point(self) -> npt.NDArray[np.float64]:
        from napari_segment_anything.engine.mask_set import interior_point

        start, mask = self.mask()
        if not mask.any():
            return self._middle
        deepest: npt.NDArray[np.float64] = np.array([interior_point(mask)], float)
        return deepest + start

    def mask(self) -> tuple[tuple[int, int], npt.NDArray[np.bool_]]:
        """Return the first pixel of an area, and its pixels from there on."""
        from skimage.draw import polygon2mask

        start = np.floor(self.box[:2]).astype(int)
        height, width = np.ceil(self.box[2:] - start).astype(int) + 1
        corner = int(start[0]), int(start[1])
        if self.kind == Kind.ELLIPSE:
            (cy, cx), (ry, rx) = self._middle[0], np.ptp(self.vertices, axis=0) / 2
            y, x = np.ogrid[:height, :width]
            dy = (y + corner[0] - cy) / max(ry, 1)
            dx = (x + corner[1] - cx) / max(rx, 1)
            return corner, dy**2 + dx**2 <= 1
        pixels: npt.NDArray[np.bool_] = polygon2mask(  # type: ignore[no-untyped-call]
            (height, width), self.vertices - start
        )
        return corner, pixels


@dataclass(frozen=True, eq=False)
class Drawing:
    """Everything that is drawn, on one plane or in the whole of the layers.

    Parameters
    ----------
    points : ndarray
        (P, d) points.
    is_inside : ndarray
        (P,) whether a point lies inside of its object.
    outlines : tuple of Outline
        Shapes.
    """

    points: npt.NDArray[np.float64] = field(default_factory=no_points)
    is_inside: npt.NDArray[np.bool_] = field(default_factory=no_flags)
    outlines: tuple[Outline, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return len(self.points) == 0 and not self.outlines

    def equals(self, other: Drawing) -> bool:
        """Whether both hold the same points and shapes in the same order."""
        return (
            np.array_equal(self.points, other.points)
            and np.array_equal(self.is_inside, other.is_inside)
            and len(self.outlines) == len(other.outlines)
            and all(
                mine.equals(its)
                for mine, its in zip(self.outlines, other.outlines, strict=True)
            )
        )

    def describe(self) -> str:
        """Return what is drawn in words, such as ``2 points, 1 rectangle``."""
        kinds = ["point"] * len(self.points) + [str(o.kind) for o in self.outlines]
        return ", ".join(
            f"{kinds.count(kind)} {kind}{'s' if kinds.count(kind) > 1 else ''}"
            for kind in dict.fromkeys(kinds)
        )

    def on(self, plane: PlaneId, axes: str) -> Drawing:
        """Return what lies on a plane, in pixels of the plane.

        Parameters
        ----------
        plane : PlaneId
            The plane.
        axes : str
            One letter per coordinate.
        """
        columns = [axes.index(letter) for letter in plane.plane_axes]
        chosen = _lie_on(self.points, plane, axes)
        return Drawing(
            self.points[chosen][:, columns],
            self.is_inside[chosen],
            tuple(
                Outline(outline.kind, outline.vertices[:, columns])
                for outline in self.outlines
                if _lie_on(outline.vertices, plane, axes).all()
            ),
        )

    def without(self, plane: PlaneId, axes: str) -> Drawing:
        """Return what does not lie on a plane; coordinates stay those of the layer."""
        kept = ~_lie_on(self.points, plane, axes)
        return Drawing(
            self.points[kept],
            self.is_inside[kept],
            tuple(
                outline
                for outline in self.outlines
                if not _lie_on(outline.vertices, plane, axes).all()
            ),
        )

    def lifted(self, plane: PlaneId, axes: str) -> Drawing:
        """Return this drawing on a plane in coordinates of the layer."""
        return Drawing(
            _lift(self.points, plane, axes),
            self.is_inside,
            tuple(
                Outline(outline.kind, _lift(outline.vertices, plane, axes))
                for outline in self.outlines
            ),
        )

    def joined(self, other: Drawing) -> Drawing:
        """Return both drawings together."""
        return Drawing(
            np.concatenate([self.points, other.points]),
            np.concatenate([self.is_inside, other.is_inside]),
            self.outlines + other.outlines,
        )

    @property
    def prompts(self) -> PlanePrompts:
        """What the model is asked; only of a drawing on one plane.

        Rectangles, ellipses and polygons are the boxes around them, the latter two
        with a point inside and as rough masks; paths and lines are a few points along
        them.
        """
        told = [outline.points for outline in self.outlines]
        points = np.concatenate([self.points, *told])
        is_told = np.ones(len(points) - len(self.points), dtype=bool)
        areas = tuple(outline for outline in self.outlines if outline.kind.is_area)
        boxes = [outline.box for outline in areas]
        return PlanePrompts(
            points=points,
            is_inside=np.concatenate([self.is_inside, is_told]),
            boxes=np.array(boxes, dtype=float).reshape(-1, 4),
            areas=areas,
            n_told=len(is_told),
        )

    def split(self) -> list[Drawing]:
        """Return the part of each object, in the order of the objects' masks.

        Each point and path belongs to the box that it is nearest to, as for the model.
        """
        areas = [outline for outline in self.outlines if outline.kind.is_area]
        if len(areas) < 2:
            return [self]
        boxes = np.array([outline.box for outline in areas])
        paths = [outline for outline in self.outlines if not outline.kind.is_area]
        owners = nearest_box(self.points, boxes)
        path_owners = nearest_box(
            np.array([path.points[0] for path in paths]).reshape(-1, 2), boxes
        )
        return [
            Drawing(
                self.points[owners == number],
                self.is_inside[owners == number],
                (
                    area,
                    *(
                        path
                        for path, owner in zip(paths, path_owners, strict=True)
                        if owner == number
                    ),
                ),
            )
            for number, area in enumerate(areas)
        ]


def _lie_on(
    positions: npt.NDArray[np.float64], plane: PlaneId, axes: str
) -> npt.NDArray[np.bool_]:
    lie_on = np.ones(len(positions), dtype=bool)
    for axis, letter in enumerate(axes):
        number = plane.position(letter)
        if number is not None:
            lie_on &= np.rint(positions[:, axis]) == number
    return lie_on


def _lift(
    positions: npt.NDArray[np.float64], plane: PlaneId, axes: str
) -> npt.NDArray[np.float64]:
    index = [float(plane.position(letter) or 0) for letter in axes]
    lifted = np.tile(np.array(index), (len(positions), 1))
    lifted[:, [axes.index(letter) for letter in plane.plane_axes]] = positions
    return lifted
