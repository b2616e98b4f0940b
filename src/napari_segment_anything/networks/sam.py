"""The whole of SAM: image encoder, prompt encoder, mask decoder."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from .config import SamConfig, ViTConfig
from .image_encoder import ImageEncoderViT
from .mask_decoder import MaskDecoder
from .prompt_batch import PromptBatch
from .prompt_encoder import PromptEncoder
from .proposal_head import CentreEncoding, ProposalHead, rough_masks
from .tiny_image_encoder import TinyImageEncoder
from .two_way_transformer import TwoWayTransformer
from .windowed_decoding import decode_about_objects

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)


class Sam(nn.Module):
    """Segment Anything, with the sizes of its config.

    Without gradients by default: call the methods under ``torch.inference_mode()``.
    """

    pixel_mean: Tensor
    pixel_std: Tensor
    image_encoder: ImageEncoderViT | TinyImageEncoder

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.transformer_dim
        if isinstance(config.image_encoder, ViTConfig):
            self.image_encoder = ImageEncoderViT(
                config.image_encoder, config.image_size, dim
            )
        else:
            self.image_encoder = TinyImageEncoder(config.image_encoder, dim)
        self.prompt_encoder = PromptEncoder(
            dim,
            config.embedding_size,
            config.image_size,
            config.mask_in_dim,
            config.has_box_centre,
        )
        transformer = TwoWayTransformer(
            config.transformer_depth,
            dim,
            config.transformer_n_heads,
            config.transformer_mlp_dim,
        )
        self.mask_decoder = MaskDecoder(
            dim,
            transformer,
            config.n_multimask,
            config.iou_head_depth,
            config.iou_head_hidden_dim,
        )
        if config.has_proposal_head:
            self.centre_encoding = CentreEncoding(dim, config.embedding_size)
            self.proposal_head = ProposalHead(dim)
        for name, value in (("pixel_mean", PIXEL_MEAN), ("pixel_std", PIXEL_STD)):
            buffer = torch.tensor(value).view(-1, 1, 1)
            self.register_buffer(name, buffer, persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """Whiten RGB images (B, 3, H, W) of values 0 to 255."""
        return (images.to(self.pixel_mean.dtype) - self.pixel_mean) / self.pixel_std

    def encode(self, images: Tensor) -> Tensor:
        """Compute the image embeddings of images that fit the model frame.

        Parameters
        ----------
        images : Tensor, (B, 3, H, W)
            RGB, 0 to 255; H and W at most ``config.image_size``. Padded with zeros,
            right and below, to the square frame.

        Returns
        -------
        Tensor, (B, C, h, w)
        """
        side = self.config.image_size
        height, width = images.shape[-2:]
        padding = (0, side - width, 0, side - height)
        padded = nn.functional.pad(self.normalise(images), padding)
        embedding: Tensor = self.image_encoder(padded)
        if self.config.has_proposal_head:
            embedding, _ = self.centre_encoding(embedding)
        return embedding

    def decode(
        self,
        embedding: Tensor,
        *,
        points_xy: Tensor | None = None,
        point_labels: Tensor | None = None,
        boxes_xyxy: Tensor | None = None,
        masks: Tensor | None = None,
        multimask: bool = True,
        maps: Tensor | None = None,
        iou_floor: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Answer the prompts of N objects on one image.

        Parameters
        ----------
        embedding : Tensor, (1, C, h, w)
        points_xy : Tensor, (N, P, 2), optional
            Frame pixels, pixel centres at integers.
        point_labels : Tensor, (N, P), optional
            1 in, 0 out, -1 no point.
        boxes_xyxy : Tensor, (N, 4), optional
        masks : Tensor, (N, 1, 4 h, 4 w), optional
            Low-resolution logits, usually of an earlier answer.
        multimask : bool
            Three masks for ambiguous prompts, otherwise one.
        maps : Tensor, (1, 5, 4 h, 4 w), optional
            What `propose` gives for the embedding, if it is at hand.
        iou_floor : float, optional
            Where all of a prompt's scores are below, its masks may be left empty.

        Returns
        -------
        logits : Tensor, (N, M, 4 h, 4 w)
        predicted_iou : Tensor, (N, M)
        """
        prompts = PromptBatch(points_xy, point_labels, boxes_xyxy, masks)
        if masks is None and self.config.has_proposal_head:
            if maps is None:
                maps = self.propose(embedding)
            rough, is_given = self.rough_masks(
                maps[0], points_xy, point_labels, boxes_xyxy
            )
            prompts = replace(prompts, masks=rough, is_mask_given=is_given)
        choose_best = self.config.single_is_best_of_several
        several = multimask or choose_best
        logits, iou = decode_about_objects(
            self.prompt_encoder,
            self.mask_decoder,
            self.config,
            embedding,
            prompts,
            several,
            iou_floor,
        )
        if multimask or not choose_best:
            return logits, iou
        best = iou.argmax(1, keepdim=True)
        index = best[..., None, None].expand(-1, -1, *logits.shape[-2:])
        return logits.gather(1, index), iou.gather(1, best)

    def propose(self, embedding: Tensor) -> Tensor:
        """Dense maps of the proposal head, (B, 5, 4 h, 4 w); see `ProposalHead`."""
        maps: Tensor = self.proposal_head(embedding)
        return maps

    def rough_masks(
        self,
        maps: Tensor,
        points_xy: Tensor | None,
        point_labels: Tensor | None,
        boxes_xyxy: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Mask inputs (N, 1, 4 h, 4 w) from the proposal head; see `rough_masks`."""
        scale = self.config.low_res_stride
        points_yx = boxes_yxyx = None
        if points_xy is not None:
            points_yx = (points_xy.flip(-1) + 0.5) / scale - 0.5
        if boxes_xyxy is not None:
            boxes_yxyx = (boxes_xyxy[:, [1, 0, 3, 2]] + 0.5) / scale - 0.5
        return rough_masks(maps, points_yx, point_labels, boxes_yxyx)


def build_sam(config: SamConfig) -> Sam:
    """Build a model with random weights, in evaluation mode."""
    return Sam(config).eval()
