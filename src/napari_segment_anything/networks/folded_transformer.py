"""The two-way transformer with next to no work per prompt on the image's side.

The same function as `TwoWayTransformer`, for inference. With T image tokens, K prompt
tokens and H heads, T is thousands and H K a few dozen, so products are ordered such
that no image token is projected for a single prompt:

- keys, values and queries of an image that all prompts share are projected once;
- otherwise queries are brought to the image tokens instead of those to the keys,
  ``q (W_k x) = (q W_k) x`` (the bias of the keys is one for all and drops out of the
  softmax), and what is attended to is projected after the sum, ``sum p (W_v x) =
  W_v (sum p x)``; so it is, the other way round, from the image to the prompt.

Scores are (N, H K, T), with the long axis last in memory: softmax is then vectorised
over either axis.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .layers import batched_linear, split_heads
from .two_way_transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer

_TOKENS_IN_CACHE = 2048


@dataclass(frozen=True, eq=False)
class ImageSide:
    """Image tokens (1 or N, T, C) with their places, in the image side's precision.

    ``placed`` are the tokens with positional encodings ``places`` (1 or N, T, C) added.
    Of a shared image (batch 1) there are the first layer's projections: ``keys`` and
    ``queries`` (H, C / H, T), ``values`` (H, T, C / H).
    """

    tokens: Tensor
    places: Tensor
    placed: Tensor
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
        placed = tokens + places
        if not is_shared:
            return cls(tokens, places, placed)
        first = transformer.blocks[0]
        to_image = first.cross_attn_token_to_image
        to_tokens = first.cross_attn_image_to_token
        n_heads = to_image.n_heads
        return cls(
            tokens,
            places,
            placed,
            keys=_project(placed, to_image.k_proj, n_heads).mT.contiguous(),
            values=_project(tokens, to_image.v_proj, n_heads).contiguous(),
            queries=_project(placed, to_tokens.q_proj, n_heads).mT.contiguous(),
        )


def _project(x: Tensor, layer: torch.nn.Linear, n_heads: int) -> Tensor:
    """Project (1, T, C) and split it by heads: (H, T, C / H)."""
    out = functional.linear(x[0], layer.weight.to(x.dtype), layer.bias.to(x.dtype))
    return split_heads(out, n_heads)


def transform(
    transformer: TwoWayTransformer, image: ImageSide, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """As `TwoWayTransformer.forward`: tokens (N, K, C), image tokens (N, T, C)."""
    token_pe = tokens
    for layer in transformer.blocks:
        tokens = layer.attend_to_tokens(tokens, token_pe)
        attended = _to_image(layer.cross_attn_token_to_image, tokens + token_pe, image)
        tokens = layer.norm2(tokens + attended)
        tokens = layer.norm3(tokens + layer.mlp(tokens))
        image = _changed(layer, image, tokens + token_pe, tokens)
    attended = _to_image(
        transformer.final_attn_token_to_image, tokens + token_pe, image
    )
    normed: Tensor = transformer.norm_final_attn(tokens + attended)
    return normed, image.tokens


def _to_image(attention: Attention, tokens: Tensor, image: ImageSide) -> Tensor:
    """Attend from tokens (N, K, C) to the image."""
    dtype, n_heads = image.tokens.dtype, attention.n_heads
    q = split_heads(attention.q_proj(tokens), n_heads)
    q = q * q.shape[-1] ** -0.5  # (N, H, K, C / H)
    if image.keys is not None and image.values is not None:
        n, _, k, width = q.shape
        # The prompts' queries of a head are one long sequence.
        merged = q.transpose(0, 1).reshape(n_heads, n * k, width).to(dtype)
        weights = (merged @ image.keys).softmax(-1)
        heads = (weights @ image.values).to(q.dtype).view(n_heads, n, k, width)
        from_shared: Tensor = attention.out_proj(heads.permute(1, 2, 0, 3).flatten(2))
        return from_shared
    key_weight = _weight_of_heads(attention.k_proj, n_heads)
    folded = (q @ key_weight).flatten(1, 2).to(dtype)  # (N, H K, C)
    weights = batched_linear(folded, image.placed).softmax(-1)
    mixed = (weights @ image.tokens).to(q.dtype).view(*q.shape[:3], -1)
    value_weight = _weight_of_heads(attention.v_proj, n_heads)
    heads = (mixed @ value_weight.mT).transpose(1, 2).flatten(2)
    out: Tensor = attention.out_proj(heads + attention.v_proj.bias)
    return out


def _changed(
    layer: TwoWayAttentionBlock, image: ImageSide, placed_tokens: Tensor, tokens: Tensor
) -> ImageSide:
    """Attend from the image to tokens (N, K, C): the next image side."""
    attention, norm = layer.cross_attn_image_to_token, layer.norm4
    dtype, n_heads = image.tokens.dtype, attention.n_heads
    k = split_heads(attention.k_proj(placed_tokens), n_heads)
    v = split_heads(attention.v_proj(tokens), n_heads)
    k = k * k.shape[-1] ** -0.5  # (N, H, K, C / H)
    query_weight = _weight_of_heads(attention.q_proj, n_heads)
    query_bias = attention.q_proj.bias.view(n_heads, -1, 1)
    folded_k = (k @ query_weight).flatten(1, 2).to(dtype)  # (N, H K, C)
    offset = (k @ query_bias).flatten(1, 2).to(dtype)
    out_weight = split_heads(attention.out_proj.weight, n_heads)
    folded_v = v @ out_weight.mT
    folded_v[:, 0] += attention.out_proj.bias  # the weights of a head sum to one
    folded_v = folded_v.flatten(1, 2).to(dtype)
    norm_weight, norm_bias = norm.weight.to(dtype), norm.bias.to(dtype)

    n, n_tokens, dim = len(tokens), *image.tokens.shape[1:]
    changed = image.tokens.new_empty(n, n_tokens, dim)
    placed = torch.empty_like(changed)
    n_together = n_tokens
    if changed.device.type == "cpu":
        n_together = max(1, _TOKENS_IN_CACHE // n)
    for start in range(0, n_tokens, n_together):
        part = slice(start, start + n_together)
        if image.queries is not None:
            merged = k.transpose(0, 1).flatten(1, 2).to(dtype)
            scores = merged @ image.queries[..., part]
            scores = scores.view(n_heads, n, -1, scores.shape[-1]).transpose(0, 1)
        else:
            scores = batched_linear(folded_k, image.placed[:, part]) + offset
            scores = scores.view(n, n_heads, -1, scores.shape[-1])
        weights = scores.softmax(2).flatten(1, 2)
        mixed = torch.baddbmm(image.tokens[:, part], weights.transpose(1, 2), folded_v)
        changed[:, part] = functional.layer_norm(
            mixed, (dim,), norm_weight, norm_bias, norm.eps
        )
        torch.add(changed[:, part], image.places[:, part], out=placed[:, part])
    return ImageSide(changed, image.places, placed)


def _weight_of_heads(layer: torch.nn.Linear, n_heads: int) -> Tensor:
    """Weights (H, C' / H, C) of a projection (C to C') that heads divide."""
    return layer.weight.view(n_heads, -1, layer.in_features)
