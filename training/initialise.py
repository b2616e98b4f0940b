"""First weights that let the decoder find a prompt's place from the beginning.

In SAM, where a prompt is on the image is found by cross-attention between positional
encodings. From independent random projections of queries and keys this takes thousands
of steps to appear. Here both projections start equal, so that attention starts as a
kernel of the distance between a prompt and a token.
"""

import math

import torch
from torch import nn

from napari_segment_anything.networks.sam import Sam
from napari_segment_anything.networks.tiny_convolutions import FusedMBConv
from napari_segment_anything.networks.two_way_transformer import Attention

PROJECTION_GAIN = 4.0
CONTENT_SCALE = 0.3
POSITION_SCALES = (0.7, 6.0)


def initialise(sam: Sam) -> None:
    """Set the first weights in place."""
    matrix = sam.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    n_features = matrix.shape[1]
    low, high = map(math.log, POSITION_SCALES)
    with torch.no_grad():
        # Several scales at once: broad ones for order, fine ones for the place.
        matrix.copy_(
            torch.randn(2, n_features) * torch.linspace(low, high, n_features).exp()
        )
        for name, module in sam.mask_decoder.transformer.named_modules():
            if isinstance(module, Attention) and "self_attn" not in name:
                module.q_proj.weight.mul_(PROJECTION_GAIN)
                module.k_proj.weight.copy_(module.q_proj.weight)
            elif isinstance(module, nn.LayerNorm) and "final" not in name:
                module.weight.fill_(CONTENT_SCALE)
        for name, parameter in sam.named_parameters():
            if (
                "centre_embed" in name
                or "point_embed" in name
                or "mask_tokens" in name
                or "iou_token" in name
            ):
                parameter.mul_(CONTENT_SCALE)
            if name.endswith("attn.attention_biases"):
                nn.init.normal_(parameter, std=0.02)
        # Residual blocks start near identity.
        for module in sam.image_encoder.modules():
            if isinstance(module, FusedMBConv):
                nn.init.constant_(module.conv2.bn.weight, 0.5)
