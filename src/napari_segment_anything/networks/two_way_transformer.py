"""SAM's two-way transformer: prompts attend to the image, the image to prompts.

Source: Kirillov et al., "Segment Anything", 2023, figure 14. Attribute names equal the
checkpoints' keys. `folded_transformer` computes the same with less work, for inference.
"""

from torch import Tensor, nn
from torch.nn import functional

from .layers import split_heads


class Attention(nn.Module):
    """Multi-head attention whose inner width is the outer one over a rate."""

    def __init__(self, dim: int, n_heads: int, downsample_rate: int = 1) -> None:
        super().__init__()
        inner = dim // downsample_rate
        self.n_heads = n_heads
        self.q_proj = nn.Linear(dim, inner)
        self.k_proj = nn.Linear(dim, inner)
        self.v_proj = nn.Linear(dim, inner)
        self.out_proj = nn.Linear(inner, dim)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend from q (N or 1, Q, C) to k, v (N or 1, K, C)."""
        n_objects = max(len(q), len(k))
        q, k, v = (
            split_heads(layer(x), self.n_heads)
            for layer, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        q, k, v = (x.expand(n_objects, -1, -1, -1) for x in (q, k, v))
        out = functional.scaled_dot_product_attention(q, k, v)
        projected: Tensor = self.out_proj(out.transpose(1, 2).flatten(2))
        return projected


class Mlp(nn.Module):
    """Two linear layers with ReLU between."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden_dim)
        self.lin2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., dim) to (..., dim)."""
        out: Tensor = self.lin2(functional.relu(self.lin1(x)))
        return out


class TwoWayAttentionBlock(nn.Module):
    """Self-attention of tokens, tokens to image, perceptron, image to tokens."""

    def __init__(
        self, dim: int, n_heads: int, mlp_dim: int, skip_first_layer_pe: bool
    ) -> None:
        super().__init__()
        self.self_attn = Attention(dim, n_heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = Attention(dim, n_heads, 2)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, mlp_dim)
        self.norm3 = nn.LayerNorm(dim)
        self.norm4 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = Attention(dim, n_heads, 2)
        self.skip_first_layer_pe = skip_first_layer_pe

    def attend_to_tokens(self, tokens: Tensor, token_pe: Tensor) -> Tensor:
        """Self-attention of the tokens (N, K, C), normalised."""
        if self.skip_first_layer_pe:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens)
        normed: Tensor = self.norm1(tokens)
        return normed

    def forward(
        self, tokens: Tensor, image: Tensor, token_pe: Tensor, image_pe: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update tokens (N, K, C) and image tokens (N or 1, hw, C)."""
        tokens = self.attend_to_tokens(tokens, token_pe)
        placed = image + image_pe
        tokens = tokens + self.cross_attn_token_to_image(
            tokens + token_pe, placed, image
        )
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))

        image = image + self.cross_attn_image_to_token(
            placed, tokens + token_pe, tokens
        )
        return tokens, self.norm4(image)


class TwoWayTransformer(nn.Module):
    """Decoder transformer between prompt tokens and image tokens."""

    def __init__(self, depth: int, dim: int, n_heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayAttentionBlock(dim, n_heads, mlp_dim, skip_first_layer_pe=i == 0)
            for i in range(depth)
        )
        self.final_attn_token_to_image = Attention(dim, n_heads, 2)
        self.norm_final_attn = nn.LayerNorm(dim)

    @property
    def blocks(self) -> list[TwoWayAttentionBlock]:
        """The layers, as what they are."""
        return [x for x in self.layers if isinstance(x, TwoWayAttentionBlock)]

    def forward(
        self, image: Tensor, image_pe: Tensor, tokens: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Transform tokens (N, K, C) and image tokens (N or 1, hw, C).

        Returns the tokens (N, K, C) and the image tokens (N, hw, C).
        """
        token_pe = tokens
        for layer in self.blocks:
            tokens, image = layer(tokens, image, token_pe, image_pe)
        tokens = tokens + self.final_attn_token_to_image(
            tokens + token_pe, image + image_pe, image
        )
        normed: Tensor = self.norm_final_attn(tokens)
        return normed, image
