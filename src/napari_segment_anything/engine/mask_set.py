"""Masks of one plane, each kept cropped to its box."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.coded_masks import CodedMasks, joined, picked
from napari_segment_anything.errors import InvalidImageError

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
Index = slice | Sequence[int] | npt.NDArray[np.integer] | npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MaskSet:
    """Objects found in one plane, with what the model thinks of them.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the plane.
    boxes : ndarray
        (n, 4) int32 boxes (y0, x0, y1, x1), half-open like slices.
    masks : sequence of ndarray
        n boolean masks, each of the shape of its box: a tuple, or `CodedMasks` or
        `PackedMasks`, which decode a mask when it is asked for and take a fraction of
        the memory.
    predicted_iou : ndarray
        (n,) float32, the model's own estimate of each mask's IoU with the object.
    stability_score : ndarray
        (n,) float32 in 0..1, how little a mask changes with its threshold.
    points : ndarray
        (n, 2) float32 (y, x): the point that a mask was prompted with, or a point
        well inside of it.
    """

    shape: tuple[int, int]
    boxes: npt.NDArray[np.int32]
    masks: Sequence[BoolArray]
    predicted_iou: FloatArray
    stability_score: FloatArray
    points: FloatArray

    def __len__(self) -> int:
        return len(self.masks)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Self:
        """Return a set without objects for a plane of this shape."""
        nothing = np.zeros(0, np.float32)
        return cls(
            shape=(int(shape[0]), int(shape[1])),
            boxes=np.zeros((0, 4), np.int32),
            masks=(),
            predicted_iou=nothing,
            stability_score=nothing,
            points=np.zeros((0, 2), np.float32),
        )

    @classmethod
    def from_masks(
        cls,
        shape: tuple[int, int],
        boxes: npt.ArrayLike,
        masks: Sequence[BoolArray],
        *,
        predicted_iou: npt.ArrayLike | None = None,
        stability_score: npt.ArrayLike | None = None,
        points: npt.ArrayLike | None = None,
    ) -> Self:
        """Build a set from cropped masks; scores are 1 where none are given."""
        n = len(masks)
        if n == 0:
            return cls.empty(shape)
        ones = np.ones(n, np.float32)
        box_array = np.asarray(boxes, np.int32).reshape(n, 4)
        if points is None:
            inner = [interior_point(mask) for mask in masks]
            points = np.asarray(inner, np.float32) + box_array[:, :2]
        return cls(
            shape=(int(shape[0]), int(shape[1])),
            boxes=box_array,
            masks=masks if isinstance(masks, CodedMasks) else tuple(masks),
            predicted_iou=_scores(predicted_iou, ones),
            stability_score=_scores(stability_score, ones),
            points=np.asarray(points, np.float32).reshape(n, 2),
        )

    @classmethod
    def from_labels(cls, labels: npt.NDArray[np.integer]) -> Self:
        """Take each id of a label image as one object, in ascending order of ids.

        The ids themselves are ``np.unique(labels)`` without 0.

        Raises
        ------
        InvalidImageError
            When the labels are not a 2-D image of integers.
        """
        if labels.ndim != 2 or labels.dtype.kind not in "biu":
            raise InvalidImageError(
                f"Labels are a 2-D image of integers, not {labels.ndim}-D "
                f"{labels.dtype}; pick one plane and convert it."
            )
        shape = (int(labels.shape[0]), int(labels.shape[1]))
        from scipy import ndimage  # loading a model needs none of it

        compact = _compact(labels)
        boxes, masks = [], []
        for number, slices in enumerate(ndimage.find_objects(compact), start=1):
            if slices is None:
                continue
            rows, columns = slices
            boxes.append((rows.start, columns.start, rows.stop, columns.stop))
            masks.append(compact[slices] == number)
        return cls.from_masks(shape, boxes, masks)

    @classmethod
    def concatenate(cls, sets: Sequence[Self]) -> Self:
        """Join sets of the same plane, one after the other."""
        if not sets or len({mask_set.shape for mask_set in sets}) != 1:
            raise InvalidImageError(
                "Sets of masks can be joined only when they are of one plane."
            )
        return cls(
            shape=sets[0].shape,
            boxes=np.concatenate([s.boxes for s in sets]),
            masks=joined([s.masks for s in sets]),
            predicted_iou=np.concatenate([s.predicted_iou for s in sets]),
            stability_score=np.concatenate([s.stability_score for s in sets]),
            points=np.concatenate([s.points for s in sets]),
        )

    def select(self, index: Index) -> Self:
        """Return the objects that a slice, list of positions or boolean array picks."""
        if not isinstance(index, slice):
            listed = np.asarray(index)
            index = listed if listed.dtype == bool else listed.astype(np.intp)
        chosen = np.arange(len(self))[index]
        return type(self)(
            shape=self.shape,
            boxes=self.boxes[chosen],
            masks=picked(self.masks, chosen),
            predicted_iou=self.predicted_iou[chosen],
            stability_score=self.stability_score[chosen],
            points=self.points[chosen],
        )

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """Pixels of each mask, (n,)."""
        if isinstance(self.masks, CodedMasks):
            return self.masks.areas
        return np.array([np.count_nonzero(m) for m in self.masks], dtype=np.int64)

    @property
    def centroids(self) -> npt.NDArray[np.float64]:
        """Mean (y, x) of the pixels of each mask, (n, 2); NaN for an empty mask."""
        centroids = np.full((len(self), 2), np.nan)
        for i, mask in enumerate(self.masks):
            rows, columns = mask.sum(axis=1), mask.sum(axis=0)
            if area := rows.sum():
                centroids[i] = (
                    rows @ np.arange(len(rows)) / area,
                    columns @ np.arange(len(columns)) / area,
                )
        return centroids + self.boxes[:, :2]

    def slices(self, i: int) -> tuple[slice, slice]:
        """Slices of the plane that object ``i``'s cropped mask covers."""
        y0, x0, y1, x1 = (int(v) for v in self.boxes[i])
        return slice(y0, y1), slice(x0, x1)

    def full_mask(self, i: int) -> BoolArray:
        """Boolean mask (H, W) of object ``i``."""
        full = np.zeros(self.shape, dtype=bool)
        full[self.slices(i)] = self.masks[i]
        return full

    def intersection_with(self, i: int, other: "MaskSet", j: int) -> int:
        """Pixels that object ``i`` shares with object ``j`` of another set."""
        y0, x0 = np.maximum(self.boxes[i, :2], other.boxes[j, :2])
        y1, x1 = np.minimum(self.boxes[i, 2:], other.boxes[j, 2:])
        if y0 >= y1 or x0 >= x1:
            return 0
        crops = []
        for mask_set, k in ((self, i), (other, j)):
            top, left = mask_set.boxes[k, :2]
            crops.append(mask_set.masks[k][y0 - top : y1 - top, x0 - left : x1 - left])
        return int(np.count_nonzero(crops[0] & crops[1]))

    def iou_with(self, i: int, other: "MaskSet", j: int) -> float:
        """Intersection over union of object ``i`` and ``j`` of another set."""
        shared = self.intersection_with(i, other, j)
        if shared == 0:
            return 0.0
        total = np.count_nonzero(self.masks[i]) + np.count_nonzero(other.masks[j])
        return shared / (int(total) - shared)

    def intersection_matrix(self, other: "MaskSet") -> npt.NDArray[np.int64]:
        """Shared pixels of each pair, (n, m); only boxes that meet are looked at."""
        shared = np.zeros((len(self), len(other)), dtype=np.int64)
        low = np.maximum(self.boxes[:, None, :2], other.boxes[None, :, :2])
        high = np.minimum(self.boxes[:, None, 2:], other.boxes[None, :, 2:])
        for i, j in np.argwhere((low < high).all(axis=2)):
            shared[i, j] = self.intersection_with(i, other, j)
        return shared

    def overlap_matrix(self, other: "MaskSet") -> FloatArray:
        """Intersection over union of each pair, (n, m) float32."""
        shared = self.intersection_matrix(other)
        union = self.areas[:, None] + other.areas[None, :] - shared
        iou: FloatArray = (shared / np.maximum(union, 1)).astype(np.float32)
        return iou


def interior_point(mask: BoolArray) -> tuple[int, int]:
    """Pixel (y, x) of a mask that is farthest from its border, (0, 0) when empty.

    The edge of the array counts as border.
    """
    from scipy import ndimage  # loading a model needs none of it

    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(y), int(x)


def _compact(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return labels of the same regions whose ids are few and not negative."""
    if labels.size == 0 or (labels.min() >= 0 and labels.max() <= labels.size):
        return labels
    ids, inverse = np.unique(labels, return_inverse=True)
    numbers = np.cumsum(ids != 0) * (ids != 0)
    compact: npt.NDArray[np.integer] = numbers[inverse].reshape(labels.shape)
    return compact


def _scores(values: npt.ArrayLike | None, default: FloatArray) -> FloatArray:
    return default if values is None else np.asarray(values, np.float32)
