"""Masks from image tokens, without ever laying the tokens out as an image.

A transposed convolution whose kernel equals its stride maps each pixel by itself, so it
is a linear layer whose outputs are the pixels that one becomes. Channels stay last.
Every other row of pixels is made by itself: it is then a row of the finished masks as
it comes, and what is in work is a quarter of the image.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import LayerNorm2d, batched_linear, blocks, is_card

_TOKENS_IN_CACHE = 4096
_ROWS_OF_A_CARD = 1 << 16  # from there on a card's layer norm is slow


@dataclass(frozen=True, eq=False)
class TokenUpscaling:
    """``output_upscaling`` of a mask decoder as linear layers, in one precision.

    ``first`` and ``second`` hold, for the upper and the lower of the two rows that a
    pixel becomes, the weights (2 C', C) and biases (2 C',) of its two pixels;
    ``norm`` weight, bias and epsilon of the normalisation between them. On a card the
    outputs of ``first`` are centred already: so are its weights.
    """

    first: list[tuple[Tensor, Tensor]]
    norm: tuple[Tensor, Tensor, float]
    second: list[tuple[Tensor, Tensor]]

    @classmethod
    def create(cls, upscaling: nn.Sequential, dtype: torch.dtype) -> "TokenUpscaling":
        """Lay out the weights of transposed convolutions of stride 2."""
        norm = cast(LayerNorm2d, upscaling[1])
        first, second = (cast(nn.ConvTranspose2d, upscaling[i]) for i in (0, 3))
        return cls(
            _linear_rows(first, dtype, is_centred=is_card(norm.weight.device)),
            (norm.weight.to(dtype), norm.bias.to(dtype), norm.eps),
            _linear_rows(second, dtype),
        )

    def paint(self, tokens: Tensor, weights: Tensor, masks: Tensor) -> None:
        """Upscale images and mix their channels to masks.

        Parameters
        ----------
        tokens : Tensor, (N, h w, C)
        weights : Tensor, (N, M, C / 8)
            Of each mask.
        masks : Tensor, (N, M, 4 h, 4 w)
            Written to.
        """
        n, n_masks, height, width = masks.shape[0], *masks.shape[1:]
        height, width = height // 4, width // 4
        images = tokens.view(n, height, width, -1)
        # Row 4 y + 2 dy + ddy of a mask is [y, dy, ddy].
        rows_of_masks = masks.view(n, n_masks, height, 2, 2, 4 * width)
        n_rows = max(1, _TOKENS_IN_CACHE // width)
        for objects, parts in blocks(n, height, n_rows, tokens.device):
            for rows in parts:
                self._paint_block(
                    images[objects, rows],
                    weights[objects],
                    rows_of_masks[objects, :, rows],
                )

    def _paint_block(self, block: Tensor, weights: Tensor, masks: Tensor) -> None:
        """Paint (n, M, y, 2, 2, 4 w) from tokens (n, y, w, C), all n or all y."""
        n_channels = len(self.norm[0])
        for dy, first in enumerate(self.first):
            finer = functional.linear(block.flatten(0, 2), *first)
            finer = functional.gelu(self._normalised(finer.view(-1, n_channels)))
            for ddy, second in enumerate(self.second):
                pixels = functional.gelu(functional.linear(finer, *second))
                pixels = pixels.view(len(block), -1, weights.shape[-1])
                painted = batched_linear(weights, pixels)
                masks[:, :, :, dy, ddy] = painted.view_as(masks[:, :, :, dy, ddy])

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Normalise pixels (n, C'); they may be written to.

        A card's layer norm has a block of threads for each pixel, most of which find
        nothing to do in so few channels.
        """
        weight, bias, eps = self.norm
        if not is_card(pixels.device) or len(pixels) < _ROWS_OF_A_CARD:
            return functional.layer_norm(pixels, weight.shape, weight, bias, eps)
        precise = torch.promote_types(pixels.dtype, torch.float32)
        length = torch.linalg.vector_norm(pixels, dim=-1, keepdim=True, dtype=precise)
        scale = length.square_().div_(len(weight)).add_(eps).rsqrt_()
        pixels.mul_(scale.to(pixels.dtype))
        return torch.addcmul(bias, pixels, weight)


def _linear_rows(
    layer: nn.ConvTranspose2d, dtype: torch.dtype, *, is_centred: bool = False
) -> list[tuple[Tensor, Tensor]]:
    """Weights (2 C', C) and biases (2 C',) of the pixels of each of the two rows.

    Those of ``is_centred`` have no mean over the channels C'.
    """
    weight = layer.weight.permute(2, 3, 1, 0)  # (row, column, C', C)
    bias = cast(Tensor, layer.bias)
    if is_centred:
        weight, bias = weight - weight.mean(2, keepdim=True), bias - bias.mean()
    bias = bias.to(dtype).repeat(2)
    return [(row.flatten(0, 1).to(dtype).contiguous(), bias) for row in weight]
