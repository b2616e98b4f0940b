"""Masks as plain arrays, for storage, and back."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.coded_masks import CodedMasks
from napari_segment_anything.engine.mask_set import MaskSet


def to_arrays(masks: MaskSet) -> dict[str, npt.NDArray[np.generic]]:
    """Return plain arrays by name, the masks as run lengths."""
    coded = CodedMasks.encode(masks.masks)
    return {
        "shape": np.asarray(masks.shape, dtype=np.int64),
        "boxes": masks.boxes,
        "counts": coded.counts,
        "n_runs": coded.n_runs,
        "predicted_iou": masks.predicted_iou,
        "stability_score": masks.stability_score,
        "points": masks.points,
    }


def from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]]) -> MaskSet:
    """Rebuild what `to_arrays` returned; the masks stay run lengths.

    Raises
    ------
    KeyError, ValueError
        When an array is missing or the run lengths do not fit the boxes.
    """
    boxes = np.asarray(arrays["boxes"], np.int32).reshape(-1, 4)
    height, width = np.asarray(arrays["shape"], np.int64)
    masks = CodedMasks.checked(
        np.asarray(arrays["counts"], np.uint32),
        np.asarray(arrays["n_runs"], np.int64),
        boxes[:, 2:] - boxes[:, :2],
    )
    return MaskSet(
        shape=(int(height), int(width)),
        boxes=boxes,
        masks=masks,
        predicted_iou=np.asarray(arrays["predicted_iou"], np.float32),
        stability_score=np.asarray(arrays["stability_score"], np.float32),
        points=np.asarray(arrays["points"], np.float32).reshape(-1, 2),
    )
