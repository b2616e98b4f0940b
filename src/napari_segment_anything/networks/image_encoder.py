"""SAM's image encoder: a plain vision transformer with windowed attention.

Source: Kirillov et al., "Segment Anything", 2023, appendix A, after Li et al.,
"Exploring Plain Vision Transformer Backbones for Object Detection", 2022. Attribute
names equal the keys of the published checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import ViTConfig
from .layers import Neck, merge_windows, partition_windows

_QUERY_ROWS_PER_TILE = 4  # scores of a tile stay in a CPU's cache


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens (B, h, w, C)."""

    def __init__(self, patch_size: int, embed_dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """Embed an image (B, 3, H, W)."""
        tokens: Tensor = self.proj(x)
        return tokens.permute(0, 2, 3, 1)


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden_dim)
        self.lin2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., dim) to (..., dim)."""
        out: Tensor = self.lin2(functional.gelu(self.lin1(x)))
        return out


class Attention(nn.Module):
    """Self-attention over a grid, with decomposed relative positions."""

    def __init__(self, dim: int, n_heads: int, grid_size: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.head_dim = dim // n_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * grid_size - 1, self.head_dim))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * grid_size - 1, self.head_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Attend within each grid (B, size, size, C)."""
        batch, size, _, dim = x.shape
        qkv = self.qkv(x).view(batch, size * size, 3, self.n_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        # Both biases depend on the unscaled query: (B, heads, y, x, k).
        grid = q.reshape(batch, self.n_heads, size, size, self.head_dim)
        bias_h = torch.einsum("bnyxc,ykc->bnyxk", grid, _relative(self.rel_pos_h))
        bias_w = torch.einsum("bnyxc,xkc->bnyxk", grid, _relative(self.rel_pos_w))
        if x.device.type == "cpu":
            out = _attend_in_tiles(q, k, v, bias_h, bias_w)
        else:
            out = _attend_folded(q, k, v, bias_h, bias_w)
        out = out.transpose(1, 2).reshape(batch, size, size, dim)
        projected: Tensor = self.proj(out)
        return projected


def _relative(table: Tensor) -> Tensor:
    """Row of the table for each pair of query and key: (size, size, C)."""
    size = (table.shape[0] + 1) // 2
    position = torch.arange(size, device=table.device)
    return table[position[:, None] - position[None, :] + size - 1]


def _attend_in_tiles(
    q: Tensor, k: Tensor, v: Tensor, bias_h: Tensor, bias_w: Tensor
) -> Tensor:
    """Attention a few query rows at a time: the bias is never as large as N x N."""
    batch, n_heads, n_tokens, head_dim = q.shape
    size = bias_h.shape[2]
    scaled_k = (k * head_dim**-0.5).transpose(-2, -1)
    if n_tokens <= 256:  # a window: all its scores at once are small
        scores = (q @ scaled_k).view(batch, n_heads, size, size, size, size)
        scores += bias_h[..., :, None]
        scores += bias_w[..., None, :]
        weights = scores.view(batch, n_heads, n_tokens, n_tokens).softmax(-1)
        return torch.matmul(weights, v)
    out = torch.empty_like(q)
    step = _QUERY_ROWS_PER_TILE
    for b in range(batch):
        for head in range(n_heads):
            for row in range(0, size, step):
                tokens = slice(row * size, min(row + step, size) * size)
                scores = (q[b, head, tokens] @ scaled_k[b, head]).view(
                    -1, size, size, size
                )
                scores += bias_h[b, head, row : row + step, :, :, None]
                scores += bias_w[b, head, row : row + step, :, None, :]
                weights = scores.view(-1, n_tokens).softmax(-1)
                out[b, head, tokens] = weights @ v[b, head]
    return out


def _attend_folded(
    q: Tensor, k: Tensor, v: Tensor, bias_h: Tensor, bias_w: Tensor
) -> Tensor:
    """Attention with the bias folded into the product, for fused GPU kernels.

    ``[q s, bias_h, bias_w] . [k, onehot(y), onehot(x)]`` equals the biased scores, so
    that a kernel without a bias argument serves.
    """
    batch, n_heads, n_tokens, head_dim = q.shape
    size = bias_h.shape[2]
    eye = torch.eye(size, dtype=k.dtype, device=k.device)
    rows = eye.repeat_interleave(size, 0).expand(batch, n_heads, -1, -1)
    columns = eye.repeat(size, 1).expand(batch, n_heads, -1, -1)
    flat_h = bias_h.reshape(batch, n_heads, n_tokens, size)
    flat_w = bias_w.reshape(batch, n_heads, n_tokens, size)
    folded_q = torch.cat([q * head_dim**-0.5, flat_h, flat_w], -1)
    folded_k = torch.cat([k, rows, columns], -1)
    padded_v = functional.pad(v, (0, 2 * size))  # fused kernels want equal widths
    out = functional.scaled_dot_product_attention(
        folded_q, folded_k, padded_v, scale=1.0
    )
    return out[..., :head_dim]


class Block(nn.Module):
    """Transformer block; with ``window_size`` 0 attention is global."""

    def __init__(
        self, dim: int, n_heads: int, mlp_ratio: float, window_size: int, grid_size: int
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, n_heads, window_size or grid_size)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.window_size = window_size

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, h, w, C) to tokens of the same shape."""
        normed = self.norm1(x)
        if self.window_size:
            shape = (x.shape[1], x.shape[2])
            windows, padded = partition_windows(normed, self.window_size)
            attended = merge_windows(self.attn(windows), padded, shape)
        else:
            attended = self.attn(normed)
        x = x + attended
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class ImageEncoderViT(nn.Module):
    """SAM's image encoder, ViT-B, L or H by its config."""

    def __init__(self, config: ViTConfig, image_size: int, out_dim: int) -> None:
        super().__init__()
        grid_size = image_size // config.patch_size
        self.patch_embed = PatchEmbed(config.patch_size, config.embed_dim)
        self.pos_embed = nn.Parameter(
            torch.zeros(1, grid_size, grid_size, config.embed_dim)
        )
        self.blocks = nn.ModuleList(
            Block(
                config.embed_dim,
                config.n_heads,
                config.mlp_ratio,
                0 if i in config.global_blocks else config.window_size,
                grid_size,
            )
            for i in range(config.depth)
        )
        self.neck = Neck(config.embed_dim, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Encode normalised, padded images (B, 3, S, S) to (B, C, S/16, S/16)."""
        x = self.patch_embed(x) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        embedding: Tensor = self.neck(x.permute(0, 3, 1, 2))
        return embedding
