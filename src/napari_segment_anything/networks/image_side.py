"""The image tokens that prompts are decoded on, and what prompts on one image share."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .layers import split_heads
from .two_way_transformer import TwoWayTransformer


@dataclass(frozen=True, eq=False)
class ImageSide:
    """Image tokens (1 or N, T, C) with their places, in the image side's precision.

    ``places`` (1 or N, T, C) are the positional encodings. Of a shared image (batch 1)
    there are the first layer's projections: ``keys`` and ``queries`` (H, C / H, T),
    ``values`` (H, T, C / H).
    """

    tokens: Tensor
    places: Tensor
    keys: Tensor | None = None
    values: Tensor | None = None
    queries: Tensor | None = None

    @classmethod
    def create(
        cls,
        transformer: TwoWayTransformer,
        image: Tensor,
        image_pe: Tensor,
        *,
        is_shared: bool,
        dtype: torch.dtype,
    ) -> "ImageSide":
        """Prepare images (1 or N, C, h, w) and their positional encodings.

        An image that ``is_shared`` by many prompts is projected for the first layer.
        """
        tokens, places = (
            x.flatten(2).transpose(1, 2).to(dtype).contiguous()
            for x in (image, image_pe)
        )
        if not is_shared:
            return cls(tokens, places)
        placed = tokens + places
        first = transformer.blocks[0]
        to_image = first.cross_attn_token_to_image
        to_tokens = first.cross_attn_image_to_token
        n_heads = to_image.n_heads
        return cls(
            tokens,
            places,
            keys=_project(placed, to_image.k_proj, n_heads).mT.contiguous(),
            values=_project(tokens, to_image.v_proj, n_heads).contiguous(),
            queries=_project(placed, to_tokens.q_proj, n_heads).mT.contiguous(),
        )

    def room(self, n: int) -> Tensor:
        """Memory (n, T, C) for the changed tokens of n prompts.

        That of the tokens themselves, where each prompt has an image of its own.
        """
        if self.keys is None and len(self.tokens) == n:
            return self.tokens
        return self.tokens.new_empty(n, *self.tokens.shape[1:])


def of_rows(images: Tensor, rows: slice) -> Tensor:
    """Images of some prompts, (N, ...), or the one of all of them, (1, ...)."""
    return images[rows] if len(images) > 1 else images


def _project(x: Tensor, layer: torch.nn.Linear, n_heads: int) -> Tensor:
    """Project (1, T, C) and split it by heads: (H, T, C / H)."""
    out = functional.linear(x[0], layer.weight.to(x.dtype), layer.bias.to(x.dtype))
    return split_heads(out, n_heads)
