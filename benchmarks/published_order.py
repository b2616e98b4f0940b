"""SAM as it was published: nothing folded, nothing shared, masks upscaled first."""

from unittest.mock import patch

import numpy as np
import torch
from torch.nn import functional

from napari_segment_anything.engine.automatic import AutomaticSettings
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.nms import box_nms
from napari_segment_anything.engine.point_grid import build_point_grid
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.networks import tiny_convolutions, tiny_image_encoder
from napari_segment_anything.networks.sam import Sam

_NEVER = 2**62


def plain_encode(sam: Sam, images: torch.Tensor) -> torch.Tensor:
    """Encode (B, 3, H, W) with each layer as a whole, not a part at a time."""
    with (
        patch.object(tiny_convolutions, "_WIDE_AT_ONCE", _NEVER),
        patch.object(tiny_image_encoder, "_WIDE_BYTES", _NEVER),
        torch.inference_mode(),
    ):
        return sam.encode(images)


def plain_decode(
    sam: Sam, embedding: ImageEmbedding, prompts: Prompts
) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode by the plain form, with the image's features repeated for each prompt.

    ``sam`` must need no gradients: it then makes none, but decodes by the plain form.
    """
    features = embedding.features.float()
    points_xy = embedding.geometry.points_to_frame_xy(prompts.points)
    given = {
        "points_xy": torch.from_numpy(points_xy).float().to(features.device),
        "point_labels": torch.from_numpy(prompts.point_labels).to(features.device),
    }
    with torch.enable_grad():
        if sam.config.has_proposal_head:  # a rough mask makes each image its own
            return sam.decode(features.clone(), **given)
        sparse, dense = sam.prompt_encoder(**given, boxes_xyxy=None, masks=None)
        repeated = features.expand(prompts.n_objects, -1, -1, -1)
        logits, iou = sam.mask_decoder(
            repeated.clone(), sam.prompt_encoder.dense_pe(), sparse, dense, True
        )
    return logits, iou


def plain_everything(
    predictor: MaskPredictor, sam: Sam, image: np.ndarray, settings: AutomaticSettings
) -> int:
    """SAM's everything mode in its published order: upscale all masks, then filter."""
    embedding = predictor.embed(image, intensity_range=(0, 255))
    geometry, shape = embedding.geometry, np.array(image.shape[:2])
    points = build_point_grid(settings.points_per_side) * shape - 0.5
    boxes, scores = [np.zeros((0, 4), np.int64)], [np.zeros(0, np.float32)]
    for start in range(0, len(points), settings.points_per_batch):
        prompts = one_point_each(points[start : start + settings.points_per_batch])
        logits, iou = plain_decode(sam, embedding, prompts)
        masks = upscale_all(logits.flatten(0, 1), geometry)
        iou = iou.flatten()
        kept = iou > settings.pred_iou_thresh
        masks, iou = masks[kept], iou[kept]
        offset = settings.stability_score_offset
        high = (masks > offset).sum((1, 2))
        low = (masks > -offset).sum((1, 2)).clamp(min=1)
        kept = (high / low >= settings.stability_score_thresh) & (high > 0)
        boxes.append(mask_boxes((masks[kept] > 0).cpu().numpy()))
        scores.append(iou[kept].cpu().numpy())
    all_boxes = np.concatenate(boxes).astype(np.float32)
    return len(box_nms(all_boxes, np.concatenate(scores), settings.box_nms_thresh))


def one_point_each(points: np.ndarray) -> Prompts:
    """Prompts of one point (y, x) each."""
    return Prompts(
        points=points.astype(np.float32)[:, None],
        point_labels=np.ones((len(points), 1), int),
    )


def upscale_all(logits: torch.Tensor, geometry: FrameGeometry) -> torch.Tensor:
    """Bring low-resolution logits (N, L, L) to the plane (N, H, W), as SAM does."""
    side = geometry.frame_size
    height, width = geometry.scaled_shape
    framed = functional.interpolate(
        logits[:, None], (side, side), mode="bilinear", align_corners=False
    )[..., :height, :width]
    return functional.interpolate(
        framed, geometry.plane_shape, mode="bilinear", align_corners=False
    )[:, 0]


def mask_boxes(masks: np.ndarray) -> np.ndarray:
    """(n, 4) half-open boxes of masks that are not empty."""
    rows, columns = masks.any(2), masks.any(1)
    height, width = masks.shape[1:]
    return np.stack(
        [
            rows.argmax(1),
            columns.argmax(1),
            height - rows[:, ::-1].argmax(1),
            width - columns[:, ::-1].argmax(1),
        ],
        axis=1,
    )
