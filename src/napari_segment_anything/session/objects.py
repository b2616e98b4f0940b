"""What the user points at, and the objects that come of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.prompts import Prompts
    from napari_segment_anything.session.drawing import Drawing, Outline
    from napari_segment_anything.session.planes import PlaneId

    ObjectKey = tuple[int, PlaneId]
    """An object may lie on several planes: its id, and one of them."""


class Polarity(StrEnum):
    """Whether a point lies inside of the object or outside."""

    INSIDE = "inside"
    OUTSIDE = "outside"

    @property
    def other(self) -> Polarity:
        """Outside for inside, inside for outside."""
        return Polarity.OUTSIDE if self is Polarity.INSIDE else Polarity.INSIDE


def no_points() -> npt.NDArray[np.float64]:
    """Return (0, 2) coordinates."""
    return np.zeros((0, 2))


def no_flags() -> npt.NDArray[np.bool_]:
    """Return (0,) booleans."""
    return np.zeros(0, dtype=bool)


def no_boxes() -> npt.NDArray[np.float64]:
    """Return (0, 4) boxes."""
    return np.zeros((0, 4))


@dataclass(frozen=True, eq=False)
class PlanePrompts:
    """Everything that is drawn on one plane and not accepted yet.

    Parameters
    ----------
    points : ndarray
        (P, 2) points as (y, x) in plane pixels.
    is_inside : ndarray
        (P,) whether a point lies inside of its object.
    boxes : ndarray
        (N, 4) boxes as (y0, x0, y1, x1) in plane pixels.
    areas : tuple of Outline
        The shapes that the boxes are around, N of them; none where boxes are all there
        is. Ellipses and polygons say more than their box: they are rough masks.
    others : ndarray
        (K, 2) points inside of other objects, which lie outside of this one.
    n_told : int
        How many of the points, from the last, stand for a shape. The others are clicks,
        in their order.
    """

    points: npt.NDArray[np.float64] = field(default_factory=no_points)
    is_inside: npt.NDArray[np.bool_] = field(default_factory=no_flags)
    boxes: npt.NDArray[np.float64] = field(default_factory=no_boxes)
    areas: tuple[Outline, ...] = ()
    others: npt.NDArray[np.float64] = field(default_factory=no_points)
    n_told: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return len(self.points) == 0 and len(self.boxes) == 0

    @property
    def has_object(self) -> bool:
        """Whether a mask can be asked for: outside points alone name no object."""
        return len(self.boxes) > 0 or bool(self.is_inside.any())

    @property
    def is_ambiguous(self) -> bool:
        """Whether a part, an object or a group may be meant: a single click."""
        return len(self.boxes) == 0 and len(self.points) == 1 and self.has_object

    def equals(self, other: PlanePrompts) -> bool:
        """Whether both hold the same points and boxes, whatever lies around."""
        return (
            np.array_equal(self.points, other.points)
            and np.array_equal(self.is_inside, other.is_inside)
            and np.array_equal(self.boxes, other.boxes)
            and len(self.areas) == len(other.areas)
            and all(
                mine.equals(its)
                for mine, its in zip(self.areas, other.areas, strict=True)
            )
        )


def group_prompts(prompts: PlanePrompts) -> Prompts:
    """Split what is drawn into objects.

    Each box is one object, and a point belongs to the box that it is nearest to (the
    smallest one of those that hold it). Without boxes all points are one object.

    Parameters
    ----------
    prompts : PlanePrompts
        Prompts with at least one inside point or box.

    Returns
    -------
    Prompts
        One row per box, or one row.

    Raises
    ------
    InvalidPromptError
        When there is nothing that names an object.
    """
    from napari_segment_anything.engine.prompts import Prompts
    from napari_segment_anything.errors import InvalidPromptError

    if not prompts.has_object:
        raise InvalidPromptError(
            "No point is inside of an object; add one, or draw a box around it."
        )
    points = np.concatenate([prompts.points, prompts.others])
    labels = np.zeros(len(points), dtype=np.int64)
    labels[: len(prompts.points)] = prompts.is_inside
    if len(prompts.boxes) == 0:
        return Prompts.from_points(points, labels)
    owners = nearest_box(points, prompts.boxes)
    return Prompts.stack(
        [
            Prompts.one(
                points=points[owners == number],
                labels=labels[owners == number],
                box=box,
            )
            for number, box in enumerate(prompts.boxes)
        ]
    )


def nearest_box(
    points: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """Return which box each point is nearest to: the smallest of those that hold it."""
    below = boxes[np.newaxis, :, :2] - points[:, np.newaxis]
    above = points[:, np.newaxis] - boxes[np.newaxis, :, 2:]
    distance = np.hypot(*np.moveaxis(np.maximum(np.maximum(below, above), 0), -1, 0))
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    by_area = np.argsort(areas, kind="stable")
    # argmin takes the first of equals, which is then the smallest box.
    nearest: npt.NDArray[np.intp] = by_area[distance[:, by_area].argmin(axis=1)]
    return nearest


class Verdict(StrEnum):
    """What a person thinks of an object that everything mode found."""

    UNSEEN = "unseen"
    ACCEPTED = "accepted"
    EDITED = "edited"


@dataclass(frozen=True, eq=False)
class AcceptedObject:
    """An object on one plane.

    Parameters
    ----------
    object_id : int
        Its value in the labels.
    plane : PlaneId
        Where it lies.
    drawing : Drawing
        What was drawn for it; empty when nothing was.
    predicted_iou : float
        The model's own estimate of the mask's IoU; NaN when it has none.
    model_digest : str
        Digest of the weights that made the mask.
    corner : tuple of int
        Plane position (y, x) of the first pixel of ``mask``.
    mask : ndarray
        (h, w) boolean, the pixels that were painted. Where the labels differ from it
        now, someone painted by hand.
    stability_score : float
        How little the mask changes with its threshold; NaN when nobody knows.
    verdict : Verdict
        Whether somebody has looked at it; what was prompted was looked at.
    class_id : int
        Which kind of thing it is, for semantic labels.
    candidate : tuple of float, optional
        What tells it from all other candidates of everything mode; None when it is of
        another origin.
    """

    object_id: int
    plane: PlaneId
    drawing: Drawing
    predicted_iou: float
    model_digest: str
    corner: tuple[int, int]
    mask: npt.NDArray[np.bool_]
    stability_score: float = math.nan
    verdict: Verdict = Verdict.EDITED
    class_id: int = 1
    candidate: tuple[float, ...] | None = None

    @property
    def key(self) -> ObjectKey:
        """Its id and plane."""
        return self.object_id, self.plane

    def as_mask(self, shape: tuple[int, int]) -> MaskSet:
        """Return its pixels as a set of one mask of a plane of this shape."""
        from napari_segment_anything.engine.mask_set import MaskSet

        return MaskSet.from_masks(shape, [self.box], [self.mask])

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Box (y0, x0, y1, x1) around its pixels, half-open."""
        (y, x), (height, width) = self.corner, self.mask.shape
        return y, x, y + height, x + width

    @property
    def is_drawn(self) -> bool:
        """Whether somebody drew prompts for it."""
        return not self.drawing.is_empty

    @property
    def doubt(self) -> float:
        """How little the model trusts in it, 0..1."""
        scores = (self.predicted_iou, self.stability_score)
        known = [score for score in scores if not math.isnan(score)]
        return 1 - math.prod(known)
