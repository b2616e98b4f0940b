"""Masks found in one crop, kept small until it is known which of them stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine import run_length
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_set import MaskSet

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CropMasks:
    """Boxes and scores of n masks in the plane, their pixels as run lengths.

    ``boxes`` (n, 4) half-open in plane pixels; ``counts`` one array a mask;
    ``predicted_iou``, ``stability_score`` (n,); ``points`` (n, 2) prompts (y, x) in
    plane pixels.
    """

    boxes: npt.NDArray[np.int32]
    counts: tuple[npt.NDArray[np.uint32], ...]
    predicted_iou: FloatArray
    stability_score: FloatArray
    points: FloatArray

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def empty(cls) -> Self:
        """Nothing found."""
        nothing = np.zeros(0, np.float32)
        return cls(
            np.zeros((0, 4), np.int32), (), nothing, nothing, np.zeros((0, 2), "f4")
        )

    @classmethod
    def encode(
        cls,
        boxes: Sequence[Box],
        masks: Sequence[npt.NDArray[np.bool_]],
        predicted_iou: Sequence[float],
        stability_score: Sequence[float],
        points: Sequence[npt.NDArray[np.floating]],
    ) -> Self:
        """Run-length code masks, each cropped to its box."""
        if not masks:
            return cls.empty()
        counts, n_runs = run_length.encode_masks(masks)
        return cls(
            boxes=np.asarray(boxes, np.int32),
            counts=tuple(np.split(counts, np.cumsum(n_runs)[:-1])),
            predicted_iou=np.asarray(predicted_iou, np.float32),
            stability_score=np.asarray(stability_score, np.float32),
            points=np.asarray(points, np.float32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join what was found in batches or crops."""
        if not parts:
            return cls.empty()
        return cls(
            boxes=np.concatenate([part.boxes for part in parts]),
            counts=tuple(counts for part in parts for counts in part.counts),
            predicted_iou=np.concatenate([part.predicted_iou for part in parts]),
            stability_score=np.concatenate([part.stability_score for part in parts]),
            points=np.concatenate([part.points for part in parts]),
        )

    def select(self, index: npt.NDArray[np.intp]) -> Self:
        """Return the masks at these positions."""
        return type(self)(
            self.boxes[index],
            tuple(self.counts[i] for i in index),
            self.predicted_iou[index],
            self.stability_score[index],
            self.points[index],
        )

    def to_mask_set(self, shape: tuple[int, int]) -> MaskSet:
        """Decode the masks of a plane of this shape."""
        if len(self) == 0:
            return MaskSet.empty(shape)
        masks = run_length.decode_masks(
            np.concatenate(self.counts).astype(np.int64),
            np.array([len(counts) for counts in self.counts]),
            self.boxes[:, 2:] - self.boxes[:, :2],
        )
        return MaskSet(
            shape=shape,
            boxes=self.boxes,
            masks=tuple(masks),
            predicted_iou=self.predicted_iou,
            stability_score=self.stability_score,
            points=self.points,
        )
