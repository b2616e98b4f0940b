"""The same model in `transformers`, with the same weights, as a reference."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_segment_anything.engine.automatic import AutomaticSettings
from napari_segment_anything.engine.nms import box_nms
from napari_segment_anything.networks.config import SamConfig, ViTConfig
from napari_segment_anything.networks.sam import PIXEL_MEAN, PIXEL_STD, Sam

_RENAMED = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"iou_prediction_head\.layers\.0", "iou_prediction_head.proj_in"),
    (r"iou_prediction_head\.layers\.1", "iou_prediction_head.layers.0"),
    (r"iou_prediction_head\.layers\.2", "iou_prediction_head.proj_out"),
    (r"(hypernetworks_mlps\.\d+)\.layers\.0", r"\1.proj_in"),
    (r"(hypernetworks_mlps\.\d+)\.layers\.1", r"\1.layers.0"),
    (r"(hypernetworks_mlps\.\d+)\.layers\.2", r"\1.proj_out"),
    (r"output_upscaling\.0", "upscale_conv1"),
    (r"output_upscaling\.1", "upscale_layer_norm"),
    (r"output_upscaling\.3", "upscale_conv2"),
    (r"mask_downscaling\.0", "mask_embed.conv1"),
    (r"mask_downscaling\.1", "mask_embed.layer_norm1"),
    (r"mask_downscaling\.3", "mask_embed.conv2"),
    (r"mask_downscaling\.4", "mask_embed.layer_norm2"),
    (r"mask_downscaling\.6", "mask_embed.conv3"),
    (r"point_embeddings", "point_embed"),
    (
        r"pe_layer\.positional_encoding_gaussian_matrix",
        "shared_embedding.positional_embedding",
    ),
    (r"neck\.0", "neck.conv1"),
    (r"neck\.1", "neck.layer_norm1"),
    (r"neck\.2", "neck.conv2"),
    (r"neck\.3", "neck.layer_norm2"),
    (r"patch_embed\.proj", "patch_embed.projection"),
    (r"\.norm", ".layer_norm"),
    (r"\.blocks\.", ".layers."),
)


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """SAM's weights under the names of `transformers`."""
    result = {}
    for key, value in state.items():
        for pattern, name in _RENAMED:
            key = re.sub(pattern, name, key)
        result[key] = value
    shared = result["prompt_encoder.shared_embedding.positional_embedding"]
    result["shared_image_embedding.positional_embedding"] = shared
    return result


@dataclass(frozen=True, eq=False)
class Peer:
    """`SamModel` with one kind of attention, and its mask-generation pipeline."""

    model: Any
    config: SamConfig

    @classmethod
    def create(cls, sam: Sam, attention: str, device: torch.device) -> "Peer":
        """Build it with the weights of a model that is not prepared for inference."""
        from transformers import SamConfig as PeerConfig
        from transformers import SamModel

        config = sam.config
        model = SamModel._from_config(
            PeerConfig(**_parts(config)), attn_implementation=attention
        )
        model.load_state_dict(renamed(sam.state_dict()), strict=True)
        return cls(model.eval().to(device), config)

    def encode(self, images: Tensor) -> Tensor:
        """Embed RGB images (B, 3, S, S) of values 0 to 255."""
        mean, std = (torch.tensor(x).view(3, 1, 1) for x in (PIXEL_MEAN, PIXEL_STD))
        device = self.model.device
        pixels = (images.to(device).float() - mean.to(device)) / std.to(device)
        with torch.inference_mode():
            result: Tensor = self.model.get_image_embeddings(pixels)
        return result

    def decode(self, features: Tensor, points_xy: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3, L, L) and predicted IoU of one point an object (N, 1, 2)."""
        with torch.inference_mode():
            answer = self.model(
                image_embeddings=features, input_points=points_xy[None].to(features)
            )
        return answer.pred_masks[0], answer.iou_scores[0]

    def everything(self, image: np.ndarray, settings: AutomaticSettings) -> list:
        """Masks of the mask-generation pipeline, for an RGB image of the frame."""
        from PIL import Image
        from transformers import pipeline

        generate = pipeline(
            "mask-generation",
            model=self.model,
            image_processor=_processor(self.config),
            device=self.model.device,
        )
        found = generate(
            Image.fromarray(image),
            points_per_crop=settings.points_per_side,
            points_per_batch=settings.points_per_batch,
            pred_iou_thresh=settings.pred_iou_thresh,
            stability_score_thresh=settings.stability_score_thresh,
            crops_nms_thresh=settings.box_nms_thresh,
        )
        return [np.asarray(mask) for mask in found["masks"]]


def _parts(config: SamConfig) -> dict[str, dict[str, object]]:
    encoder, dim = config.image_encoder, config.transformer_dim
    if not isinstance(encoder, ViTConfig):
        raise TypeError("transformers has SAM with a plain vision transformer only")
    return {
        "vision_config": {
            "hidden_size": encoder.embed_dim,
            "num_hidden_layers": encoder.depth,
            "num_attention_heads": encoder.n_heads,
            "global_attn_indexes": list(encoder.global_blocks),
            "patch_size": encoder.patch_size,
            "window_size": encoder.window_size,
            "mlp_ratio": encoder.mlp_ratio,
            "image_size": config.image_size,
            "output_channels": dim,
            "num_pos_feats": dim // 2,
        },
        "prompt_encoder_config": {
            "hidden_size": dim,
            "image_size": config.image_size,
            "patch_size": encoder.patch_size,
            "mask_input_channels": config.mask_in_dim,
        },
        "mask_decoder_config": {
            "hidden_size": dim,
            "mlp_dim": config.transformer_mlp_dim,
            "num_hidden_layers": config.transformer_depth,
            "num_attention_heads": config.transformer_n_heads,
            "iou_head_hidden_dim": config.iou_head_hidden_dim,
        },
    }


def _processor(config: SamConfig) -> object:
    from transformers.models.sam.image_processing_pil_sam import (
        SamImageProcessorPil,
        _rle_to_mask,
    )

    class Processor(SamImageProcessorPil):  # type: ignore[misc]
        """With our points, and suppression that needs no torchvision."""

        def generate_crop_boxes(self, *args: Any, **kwargs: Any) -> Any:
            boxes, points, crops, labels = super().generate_crop_boxes(*args, **kwargs)
            return boxes, points - 0.5, crops, labels

        def post_process_for_mask_generation(
            self, masks: Any, scores: Tensor, boxes: Tensor, threshold: float
        ) -> Any:
            corners = boxes.float().cpu() + torch.tensor([0, 0, 1, 1])
            kept = box_nms(corners.numpy(), scores.float().cpu().numpy(), threshold)
            chosen = [masks[i] for i in kept]
            decoded = [_rle_to_mask(mask) for mask in chosen]
            return decoded, scores[kept.tolist()], chosen, boxes[kept.tolist()]

    side = config.image_size
    return Processor(
        size={"longest_edge": side},
        pad_size={"height": side, "width": side},
        mask_size={"longest_edge": config.low_res_size},
        mask_pad_size={"height": config.low_res_size, "width": config.low_res_size},
    )
