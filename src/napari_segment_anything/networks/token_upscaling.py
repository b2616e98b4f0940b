"""Masks from image tokens, without ever laying the tokens out as an image.

A transposed convolution whose kernel equals its stride maps each pixel by itself, so it
is a linear layer whose outputs are the pixels that one becomes. Channels stay last;
only the finished masks are put into the order of an image.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import LayerNorm2d, batched_linear

_TOKENS_IN_CACHE = 2048


def masks_of_tokens(
    upscaling: nn.Sequential, tokens: Tensor, weights: Tensor, shape: tuple[int, int]
) -> Tensor:
    """Upscale an image and mix its channels to masks.

    Parameters
    ----------
    upscaling : nn.Sequential
        ``output_upscaling`` of a mask decoder.
    tokens : Tensor, (N, h w, C)
    weights : Tensor, (N, M, C / 8)
        Of each mask.
    shape : tuple of int
        (h, w).

    Returns
    -------
    Tensor, (N, M, 4 h, 4 w)
    """
    height, width = shape
    n_together = tokens.shape[1]
    if tokens.device.type == "cpu":
        n_together = max(1, _TOKENS_IN_CACHE // len(tokens))
    parts = [
        batched_linear(weights, _upscale(upscaling, part))
        for part in torch.split(tokens, n_together, 1)
    ]
    # (N, M, y, x, dy, dx, ddy, ddx) to (N, M, y, dy, ddy, x, dx, ddx).
    n, n_masks, _ = weights.shape
    blocks = torch.cat(parts, 2).view(n, n_masks, height, width, 2, 2, 2, 2)
    ordered = blocks.permute(0, 1, 2, 4, 6, 3, 5, 7)
    return ordered.reshape(n, n_masks, 4 * height, 4 * width)


def _upscale(upscaling: nn.Sequential, tokens: Tensor) -> Tensor:
    """Of each token (N, T, C) the 4 × 4 pixels it becomes: (N, T * 16, C / 8)."""
    first, second = (cast(nn.ConvTranspose2d, upscaling[i]) for i in (0, 3))
    norm = cast(LayerNorm2d, upscaling[1])
    out = _each_by_itself(first, tokens)
    weight, bias = norm.weight.to(out.dtype), norm.bias.to(out.dtype)
    out = functional.layer_norm(out, [len(weight)], weight, bias, norm.eps)
    return functional.gelu(_each_by_itself(second, functional.gelu(out)))


def _each_by_itself(layer: nn.ConvTranspose2d, tokens: Tensor) -> Tensor:
    """Apply a transposed convolution of stride 2, (N, T, C) to (N, T * 4, C')."""
    weight = layer.weight.to(tokens.dtype)
    bias = cast(Tensor, layer.bias).to(tokens.dtype)
    matrix = weight.permute(2, 3, 1, 0).flatten(0, 2)  # (2 * 2 * C', C)
    out = functional.linear(tokens, matrix, bias.repeat(4))
    return out.view(len(tokens), -1, len(bias))
