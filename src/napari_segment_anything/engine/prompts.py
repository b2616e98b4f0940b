"""What a user or a program points at: points, boxes and masks of objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import InvalidPromptError

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

PADDING, OUTSIDE, INSIDE = -1, 0, 1


@dataclass(frozen=True, eq=False)
class Prompts:
    """Prompts of N objects that are decoded together.

    Parameters
    ----------
    points : ndarray, optional
        (N, P, 2) points as (y, x) in plane pixels.
    point_labels : ndarray, optional
        (N, P): 1 inside of the object, 0 outside, -1 padding that is ignored.
    boxes : ndarray, optional
        (N, 4) boxes as (y0, x0, y1, x1) in plane pixels, both ends inside.
    masks : ndarray, optional
        (N, L, L) low-resolution logits of an earlier prediction.

    Raises
    ------
    InvalidPromptError
        When nothing is given, shapes do not fit or values are not finite.
    """

    points: FloatArray | None = None
    point_labels: IntArray | None = None
    boxes: FloatArray | None = None
    masks: FloatArray | None = None

    def __post_init__(self) -> None:
        if (self.points is None) != (self.point_labels is None):
            raise InvalidPromptError(
                "Points and their labels (1 inside, 0 outside) belong together; "
                "pass both or neither."
            )
        for name, dtype, n_dims in (
            ("points", np.float32, 3),
            ("point_labels", np.int64, 2),
            ("boxes", np.float32, 2),
            ("masks", np.float32, 3),
        ):
            value = getattr(self, name)
            if value is not None:
                array = _as_array(name, value, dtype, n_dims)
                # A frozen dataclass offers no other way to store what was converted.
                object.__setattr__(self, name, array)
        counts = {len(array) for array in self._arrays()}
        if not counts:
            raise InvalidPromptError(
                "There is nothing to predict from; add a point, a box or a mask."
            )
        if len(counts) > 1:
            raise InvalidPromptError(
                f"Points, boxes and masks are of different numbers of objects "
                f"({sorted(counts)}); pass one row per object in each."
            )
        self._check_values()

    def _arrays(self) -> list[npt.NDArray[np.generic]]:
        given = (self.points, self.point_labels, self.boxes, self.masks)
        return [array for array in given if array is not None]

    def _check_values(self) -> None:
        if self.points is not None and self.point_labels is not None:
            if (
                self.points.shape[2] != 2
                or self.points.shape[:2] != self.point_labels.shape
            ):
                raise InvalidPromptError(
                    f"Points of shape {self.points.shape} do not fit labels of shape "
                    f"{self.point_labels.shape}; pass (N, P, 2) and (N, P)."
                )
            if not np.isin(self.point_labels, (PADDING, OUTSIDE, INSIDE)).all():
                raise InvalidPromptError(
                    "A point's label is 1 (inside), 0 (outside) or -1 (ignored)."
                )
        if self.boxes is not None:
            if self.boxes.shape[1] != 4:
                raise InvalidPromptError(
                    f"Boxes have the shape (N, 4), not {self.boxes.shape}."
                )
            if (self.boxes[:, 2:] < self.boxes[:, :2]).any():
                raise InvalidPromptError(
                    "A box ends before it starts; give it as (y0, x0, y1, x1)."
                )
        if self.masks is not None and self.masks.shape[1] != self.masks.shape[2]:
            raise InvalidPromptError(
                f"Mask prompts have the shape (N, L, L), not {self.masks.shape}; "
                "pass low_res_masks of an earlier prediction."
            )
        for array in (self.points, self.boxes, self.masks):
            if array is not None and not np.isfinite(array).all():
                raise InvalidPromptError(
                    "A prompt holds NaN or infinity; draw it again inside the plane."
                )

    @property
    def n_objects(self) -> int:
        """Number N of objects."""
        return len(self._arrays()[0])

    @classmethod
    def from_points(cls, points: npt.ArrayLike, labels: npt.ArrayLike) -> Self:
        """Prompt one object with points (P, 2) as (y, x) and labels (P,)."""
        return cls.one(points=points, labels=labels)

    @classmethod
    def from_boxes(cls, boxes: npt.ArrayLike) -> Self:
        """Prompt one object per box (N, 4) as (y0, x0, y1, x1)."""
        return cls(boxes=np.asarray(boxes, dtype=np.float32))

    @classmethod
    def one(
        cls,
        *,
        points: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
        box: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
    ) -> Self:
        """Prompt one object; no points (an empty array) count as none.

        Parameters
        ----------
        points, labels : array-like, optional
            (P, 2) points as (y, x) and (P,) labels; without labels all are inside.
        box : array-like, optional
            (4,) box as (y0, x0, y1, x1).
        mask : array-like, optional
            (L, L) low-resolution logits.
        """
        point_array = None if points is None else np.asarray(points, dtype=np.float32)
        if point_array is not None and point_array.size == 0:
            point_array = labels = None
        if point_array is not None and labels is None:
            labels = np.full(len(point_array), INSIDE)
        return cls(
            points=None if point_array is None else point_array[np.newaxis],
            point_labels=None if labels is None else np.asarray(labels)[np.newaxis],
            boxes=None if box is None else np.asarray(box, np.float32)[np.newaxis],
            masks=None if mask is None else np.asarray(mask, np.float32)[np.newaxis],
        )

    @classmethod
    def stack(cls, prompts: Sequence[Self]) -> Self:
        """Join prompts of several objects; shorter lists of points are padded.

        Raises
        ------
        InvalidPromptError
            When the list is empty, or only some of them have a box, or a mask.
        """
        if not prompts:
            raise InvalidPromptError("There are no prompts to join; pass at least one.")
        for name in ("boxes", "masks"):
            n_given = sum(getattr(prompt, name) is not None for prompt in prompts)
            if n_given not in (0, len(prompts)):
                raise InvalidPromptError(
                    f"Only some of the objects have {name}; decode those with and "
                    "those without separately."
                )
        boxes = [prompt.boxes for prompt in prompts if prompt.boxes is not None]
        masks = [prompt.masks for prompt in prompts if prompt.masks is not None]
        points, labels = _pad_points(prompts)
        return cls(
            points=points,
            point_labels=labels,
            boxes=np.concatenate(boxes) if boxes else None,
            masks=np.concatenate(masks) if masks else None,
        )

    def select(self, index: slice | npt.NDArray[np.integer]) -> Self:
        """Return the prompts of some of the objects."""
        return type(self)(
            points=None if self.points is None else self.points[index],
            point_labels=(
                None if self.point_labels is None else self.point_labels[index]
            ),
            boxes=None if self.boxes is None else self.boxes[index],
            masks=None if self.masks is None else self.masks[index],
        )

    def shift(self, dy: float, dx: float) -> Self:
        """Move points and boxes by (dy, dx) plane pixels; masks stay as they are."""
        offset = np.array([dy, dx], dtype=np.float32)
        return type(self)(
            points=None if self.points is None else self.points + offset,
            point_labels=self.point_labels,
            boxes=None if self.boxes is None else self.boxes + np.tile(offset, 2),
            masks=self.masks,
        )


def _as_array(
    name: str, value: npt.ArrayLike, dtype: npt.DTypeLike, n_dims: int
) -> npt.NDArray[np.generic]:
    try:
        array = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InvalidPromptError(
            f"The {name} of a prompt are not numbers in a regular array; "
            "pass lists of equal length."
        ) from error
    if array.ndim != n_dims or 0 in array.shape[1:]:
        raise InvalidPromptError(
            f"The {name} of prompts have {n_dims} axes of at least one entry, not the "
            f"shape {array.shape}; the first axis counts the objects."
        )
    return array


def _pad_points(
    prompts: Sequence[Prompts],
) -> tuple[FloatArray | None, IntArray | None]:
    longest = max(0 if p.points is None else p.points.shape[1] for p in prompts)
    if longest == 0:
        return None, None
    n_objects = sum(prompt.n_objects for prompt in prompts)
    points = np.zeros((n_objects, longest, 2), dtype=np.float32)
    labels = np.full((n_objects, longest), PADDING, dtype=np.int64)
    start = 0
    for prompt in prompts:
        stop = start + prompt.n_objects
        if prompt.points is not None and prompt.point_labels is not None:
            n_points = prompt.points.shape[1]
            points[start:stop, :n_points] = prompt.points
            labels[start:stop, :n_points] = prompt.point_labels
        start = stop
    return points, labels
