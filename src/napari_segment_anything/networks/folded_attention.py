"""Attention between a few prompt tokens and thousands of image tokens, both ways.

Queries are brought to the image tokens instead of those to the keys, ``q (W_k x) =
(q W_k) x`` (the bias of the keys is one for all and drops out of the softmax), and what
is attended to is projected after the sum, ``sum p (W_v x) = W_v (sum p x)``; so it is,
the other way round, from the image to the prompt.

Scores are (N, H K, T), with the long axis last in memory: softmax is then vectorised
over either axis.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .image_side import ImageSide
from .layers import batched_linear, is_card, split_heads
from .two_way_transformer import Attention, TwoWayAttentionBlock

Glance = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Look:
    """What prompt tokens ask of the image; ``queries`` (N, H K, C) of its tokens."""

    attention: Attention
    queries: Tensor

    @classmethod
    def create(cls, attention: Attention, tokens: Tensor, dtype: torch.dtype) -> "Look":
        """Bring the queries of placed prompt tokens (N, K, C) to the image tokens."""
        q = _queries(attention, tokens)
        key_weight = _weight_of_heads(attention.k_proj, attention.n_heads)
        return cls(attention, (q @ key_weight).flatten(1, 2).to(dtype))

    def at(self, tokens: Tensor, places: Tensor, rows: slice) -> Glance:
        """Attend to a block of image tokens (n or 1, t, C) at their places (alike).

        Returns
        -------
        highest, total : Tensor, (n, H K, 1)
            Scores' maximum, and the sum of their exponentials beyond it.
        mixed : Tensor, (n, H K, C)
            Image tokens times those exponentials.
        """
        scores = _placed_scores(self.queries[rows], tokens, places)
        highest = scores.amax(-1, keepdim=True)
        weights = scores.sub_(highest).exp_()
        precise = torch.promote_types(scores.dtype, torch.float32)
        total = weights.sum(-1, keepdim=True, dtype=precise)
        return highest.to(precise), total, (weights @ tokens).to(precise)

    @staticmethod
    def join(glances: Sequence[Glance]) -> Tensor:
        """Attention (n, H K, C) to all blocks, from that to each."""
        if len(glances) == 1:
            _, total, mixed = glances[0]
            return mixed / total
        highest, total, mixed = (torch.stack(x) for x in zip(*glances, strict=True))
        weights = (highest - highest.amax(0)).exp()
        return (weights * mixed).sum(0) / (weights * total).sum(0)

    def project(self, seen: Tensor) -> Tensor:
        """Map attention (N, H K, C) to what is added to the tokens, (N, K, C)."""
        n_heads, values = self.attention.n_heads, self.attention.v_proj
        seen = seen.to(values.weight.dtype)
        seen = seen.view(len(seen), n_heads, -1, seen.shape[-1])
        value_weight = _weight_of_heads(values, n_heads)
        heads = (seen @ value_weight.mT).transpose(1, 2).flatten(2)
        projected: Tensor = self.attention.out_proj(heads + values.bias)
        return projected


def look_at_shared(attention: Attention, tokens: Tensor, image: ImageSide) -> Tensor:
    """Attend from placed prompt tokens (N, K, C) to an image with keys and values."""
    if image.keys is None or image.values is None:
        raise ValueError("This image is not prepared to be shared by prompts.")
    q = _queries(attention, tokens)
    n, n_heads, k, width = q.shape
    # The prompts' queries of a head are one long sequence.
    merged = q.transpose(0, 1).reshape(n_heads, n * k, width).to(image.tokens.dtype)
    weights = (merged @ image.keys).softmax(-1)
    heads = (weights @ image.values).to(q.dtype).view(n_heads, n, k, width)
    projected: Tensor = attention.out_proj(heads.permute(1, 2, 0, 3).flatten(2))
    return projected


@dataclass(frozen=True, eq=False)
class ImageChange:
    """What attention to the prompt tokens does to the image tokens.

    ``keys`` (N, H, K, C / H) are scaled; ``folded_keys`` and ``folded_values``
    (N, H K, C) are those that the image tokens meet themselves, ``offset`` (N, H K, 1)
    what the bias of their queries adds.
    """

    keys: Tensor
    folded_keys: Tensor
    offset: Tensor
    folded_values: Tensor
    norm: tuple[Tensor, Tensor, float]

    @classmethod
    def create(
        cls,
        layer: TwoWayAttentionBlock,
        placed_tokens: Tensor,
        tokens: Tensor,
        dtype: torch.dtype,
    ) -> "ImageChange":
        """Prepare the prompt tokens (N, K, C) of a layer to be attended to."""
        attention, norm = layer.cross_attn_image_to_token, layer.norm4
        n_heads = attention.n_heads
        k = split_heads(attention.k_proj(placed_tokens), n_heads)
        v = split_heads(attention.v_proj(tokens), n_heads)
        k = k * k.shape[-1] ** -0.5
        query_weight = _weight_of_heads(attention.q_proj, n_heads)
        query_bias = attention.q_proj.bias.view(n_heads, -1, 1)
        out_weight = split_heads(attention.out_proj.weight, n_heads)
        folded_v = v @ out_weight.mT
        # The weights of a head sum to one.
        folded_v[:, 0] += attention.out_proj.bias
        return cls(
            k.to(dtype),
            (k @ query_weight).flatten(1, 2).to(dtype),
            (k @ query_bias).flatten(1, 2).to(dtype),
            folded_v.flatten(1, 2).to(dtype),
            (norm.weight.to(dtype), norm.bias.to(dtype), norm.eps),
        )

    def of(
        self,
        tokens: Tensor,
        places: Tensor,
        queries: Tensor | None,
        rows: slice,
        part: slice,
    ) -> Tensor:
        """Change a block (n or 1, t, C) of image tokens with their places.

        ``queries`` (H, C / H, T) are those of a shared image, ``part`` where the block
        lies in them. Returns (n, t, C); what the tokens of an image that is not shared
        are afterwards is not said.
        """
        keys = self.keys[rows]
        n, n_heads, k, _ = keys.shape
        if queries is None:
            scores = _placed_scores(self.folded_keys[rows], tokens, places)
            scores = (scores + self.offset[rows]).view(n, n_heads, k, -1)
        else:
            merged = keys.transpose(0, 1).flatten(1, 2)
            scores = (merged @ queries[..., part]).view(n_heads, n, k, -1)
            scores = scores.transpose(0, 1)
        weights = scores.softmax(2).flatten(1, 2)
        # Tokens of each prompt's own are not needed again; a card would copy them.
        is_own = queries is None and len(tokens) == n
        mix = tokens.baddbmm_ if is_own and is_card(tokens.device) else tokens.baddbmm
        mixed = mix(weights.mT, self.folded_values[rows])
        return functional.layer_norm(mixed, mixed.shape[-1:], *self.norm)


def _placed_scores(queries: Tensor, tokens: Tensor, places: Tensor) -> Tensor:
    """Products (n, M, t) of queries (n, M, C) and the sum of tokens and places.

    A card takes longer to write that sum for each prompt than to multiply both.
    """
    if not is_card(queries.device):
        return batched_linear(queries, tokens + places)
    n = len(queries)
    if len(places) == 1:
        of_places = functional.linear(queries, places[0])
    else:
        of_places = queries @ places.mT
    return of_places.baddbmm_(queries, tokens.mT.expand(n, -1, -1))


def _queries(attention: Attention, tokens: Tensor) -> Tensor:
    """Scaled queries (N, H, K, C / H) of tokens (N, K, C)."""
    q = split_heads(attention.q_proj(tokens), attention.n_heads)
    return q / math.sqrt(q.shape[-1])


def _weight_of_heads(layer: torch.nn.Linear, n_heads: int) -> Tensor:
    """Weights (H, C' / H, C) of a projection (C to C') that heads divide."""
    return layer.weight.view(n_heads, -1, layer.in_features)
