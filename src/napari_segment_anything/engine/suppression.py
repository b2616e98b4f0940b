"""Which of the masks found in one plane stay, and how they are tidied."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.coded_masks import kept_alike
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.labels import remove_small_regions
from napari_segment_anything.engine.mask_logits import crop_tightly
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.nms import box_nms, mask_nms


def without_duplicates(
    masks: MaskSet, settings: AutomaticSettings
) -> npt.NDArray[np.intp]:
    """Positions of the best mask of each box and, if so set, of each prompt."""
    chosen = np.argsort(-masks.predicted_iou, kind="stable")
    if settings.one_mask_per_point:
        _, first = np.unique(masks.points[chosen], axis=0, return_index=True)
        chosen = chosen[np.sort(first)]
    kept = box_nms(
        masks.boxes[chosen], masks.predicted_iou[chosen], settings.box_nms_thresh
    )
    return chosen[kept]


def merge_crops(
    found: Sequence[MaskSet], crops: Sequence[Box], threshold: float
) -> MaskSet:
    """Join what several crops show, best predicted IoU first.

    Parameters
    ----------
    found : sequence of MaskSet
        One for each crop.
    crops : sequence of tuple
        Boxes of the crops: of duplicates that of the smallest crop stays, as in SAM.
        Without boxes the crops count as equal and the predicted IoU decides.
    threshold : float
        IoU of boxes above which two masks are duplicates.
    """
    masks = MaskSet.concatenate(found)
    if len(found) > 1:
        scores: npt.NDArray[np.floating] = masks.predicted_iou
        if crops:
            areas = [(y1 - y0) * (x1 - x0) for y0, x0, y1, x1 in crops]
            scores = 1 / np.repeat(areas, [len(part) for part in found])
        masks = masks.select(box_nms(masks.boxes, scores, threshold))
    return masks.select(np.argsort(-masks.predicted_iou, kind="stable"))


def clean_masks(masks: MaskSet, settings: AutomaticSettings) -> MaskSet:
    """Drop pieces of better masks, then small holes and islands."""
    if settings.mask_nms_thresh < 1:
        kept = mask_nms(
            masks, masks.predicted_iou, settings.mask_nms_thresh, of_smaller=True
        )
        masks = masks.select(kept)
    if settings.min_mask_region_area > 0 and len(masks) > 0:
        threshold = max(settings.box_nms_thresh, settings.crop_nms_thresh)
        masks = _without_small_regions(masks, settings.min_mask_region_area, threshold)
    return masks


def _without_small_regions(
    masks: MaskSet, min_area: int, nms_threshold: float
) -> MaskSet:
    """Remove small holes and islands, then duplicates that this made.

    As SAM does, prefer masks that needed no cleaning.
    """
    boxes: list[Box] = []
    unchanged: list[bool] = []

    def cleaned() -> Iterator[npt.NDArray[np.bool_]]:
        for box, mask in zip(masks.boxes.tolist(), masks.masks, strict=True):
            smooth, is_changed = remove_small_regions(mask, min_area)
            tight = crop_tightly(smooth, tuple(box))
            new_box, new_mask = (tuple(box), mask) if tight is None else tight
            boxes.append(new_box)
            unchanged.append(not is_changed)
            yield new_mask

    # All of them before the boxes are looked at.
    clean = kept_alike(masks.masks, cleaned())
    result = MaskSet.from_masks(
        masks.shape,
        boxes,
        clean,
        predicted_iou=masks.predicted_iou,
        stability_score=masks.stability_score,
        points=masks.points,
    )
    kept = box_nms(boxes, unchanged, nms_threshold)
    return result.select(np.sort(kept))
