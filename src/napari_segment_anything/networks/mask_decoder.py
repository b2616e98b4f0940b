"""SAM's mask decoder: from an image embedding and prompts to masks with scores.

Source: Kirillov et al., "Segment Anything", 2023, figure 14. Attribute names equal the
checkpoints' keys.
"""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import LayerNorm2d
from .two_way_transformer import TwoWayTransformer


class Mlp(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int, depth: int) -> None:
        super().__init__()
        widths = [in_dim] + [hidden_dim] * (depth - 1) + [out_dim]
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dim) to (..., out_dim)."""
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        out: Tensor = self.layers[-1](x)
        return out


class MaskDecoder(nn.Module):
    """Masks and predicted IoU of prompts: one mask, or several when ambiguous."""

    def __init__(
        self,
        dim: int,
        transformer: TwoWayTransformer,
        n_multimask: int,
        iou_head_depth: int,
        iou_head_hidden_dim: int,
    ) -> None:
        super().__init__()
        n_masks = n_multimask + 1
        self.transformer = transformer
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(n_masks, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, 2, stride=2),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Mlp(dim, dim, dim // 8, 3) for _ in range(n_masks)
        )
        self.iou_prediction_head = Mlp(
            dim, iou_head_hidden_dim, n_masks, iou_head_depth
        )

    def forward(
        self,
        embedding: Tensor,
        image_pe: Tensor,
        sparse: Tensor,
        dense: Tensor,
        multimask: bool,
    ) -> tuple[Tensor, Tensor]:
        """Decode the prompts of N objects on one image.

        Parameters
        ----------
        embedding : Tensor, (1, C, h, w)
        image_pe : Tensor, (1, C, h, w)
        sparse : Tensor, (N, K, C)
        dense : Tensor, (N or 1, C, h, w) or (1, C, 1, 1)
        multimask : bool
            Three masks for an ambiguous prompt, otherwise one.

        Returns
        -------
        logits : Tensor, (N, M, 4 h, 4 w)
        predicted_iou : Tensor, (N, M)
        """
        wanted = slice(1, None) if multimask else slice(0, 1)
        logits, iou = self.decode_all(embedding, image_pe, sparse, dense, wanted)
        return logits, iou[:, wanted]

    def decode_all(
        self,
        embedding: Tensor,
        image_pe: Tensor,
        sparse: Tensor,
        dense: Tensor,
        wanted: slice = slice(None),
    ) -> tuple[Tensor, Tensor]:
        """Decode as `forward` does: the wanted masks, the scores of all of them."""
        n_objects = len(sparse)
        output_tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([output_tokens.expand(n_objects, -1, -1), sparse], 1)
        image = embedding + dense
        height, width = image.shape[-2:]
        image_tokens = image.flatten(2).transpose(1, 2)
        place_tokens = image_pe.flatten(2).transpose(1, 2)
        tokens, image = self.transformer(image_tokens, place_tokens, tokens)
        image = image.transpose(1, 2).reshape(n_objects, -1, height, width)
        upscaled = self.output_upscaling(image)

        n_masks = len(self.mask_tokens.weight)
        hyper = torch.stack(
            [
                self.output_hypernetworks_mlps[i](tokens[:, 1 + i])
                for i in range(n_masks)[wanted]
            ],
            1,
        )
        logits = (hyper @ upscaled.flatten(2)).unflatten(2, upscaled.shape[-2:])
        return logits, self.iou_prediction_head(tokens[:, 0])
