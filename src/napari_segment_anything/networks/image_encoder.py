"""SAM's image encoder: a plain vision transformer with windowed attention.

Source: Kirillov et al., "Segment Anything", 2023, appendix A, after Li et al.,
"Exploring Plain Vision Transformer Backbones for Object Detection", 2022. Attribute
names equal the keys of the published checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import ViTConfig
from .folded_windows import FoldedRoom, distance_table
from .grid_attention import attend_in_tiles, attend_in_windows, relative_rows
from .layers import Neck, copy_wide, is_card

_TOKENS_IN_MLP = 1024
_TOKENS_IN_MLP_OF_A_CARD = 1 << 14  # four planes keep one busy


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens (B, h, w, C)."""

    def __init__(self, patch_size: int, embed_dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """Embed an image (B, 3, H, W)."""
        if is_card(x.device) and not torch.is_grad_enabled():
            return self._as_product(x)
        tokens: Tensor = self.proj(x)
        return tokens.permute(0, 2, 3, 1)

    def _as_product(self, x: Tensor) -> Tensor:
        """Embed with a matrix product: cards convolve three channels slowly."""
        size = self.proj.kernel_size[0]
        pixels = x.permute(0, 2, 3, 1).contiguous()
        batch, height, width, channels = pixels.shape
        rows, columns = height // size, width // size
        pixels = pixels[:, : rows * size, : columns * size]
        pixels = pixels.view(batch, rows, size, columns, size * channels)
        patches = x.new_empty(batch, rows, columns, size, size * channels)
        copy_wide(patches, pixels.transpose(2, 3))
        weight = self.proj.weight.permute(0, 2, 3, 1).flatten(1)
        return functional.linear(patches.flatten(3), weight, self.proj.bias)


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden_dim)
        self.lin2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., dim) to (..., dim)."""
        hidden = self.lin1(x)
        if is_card(x.device) and not torch.is_grad_enabled():
            # In place: what is not needed makes room for the windows that are kept.
            torch.ops.aten.gelu_(hidden)
        else:
            hidden = functional.gelu(hidden)
        out: Tensor = self.lin2(hidden)
        return out


class Attention(nn.Module):
    """Self-attention in windows of a grid, with decomposed relative positions."""

    distances: Tensor | None

    def __init__(self, dim: int, n_heads: int, window_size: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * window_size - 1, dim // n_heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * window_size - 1, dim // n_heads))
        self.register_buffer("distances", None, persistent=False)
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]
            _fix_again
        )

    def fix_distances(self) -> None:
        """Lay relative positions out once, for weights that only loading changes."""
        self.distances = distance_table(self.rel_pos_h, self.rel_pos_w).detach()

    def forward(self, x: Tensor, room: FoldedRoom) -> Tensor:
        """Attend within each window of tokens (B, h, w, C)."""
        tables = self.rel_pos_h, self.rel_pos_w
        # In bfloat16 the fused kernel wins on a CPU too, where the grid is one window.
        is_global = len(self.rel_pos_h) + 1 >= 2 * max(x.shape[1:3])
        is_fused = is_card(x.device) or (is_global and x.dtype == torch.bfloat16)
        if is_fused and not torch.is_grad_enabled():
            distances = self.distances
            if distances is None:
                distances = distance_table(*tables)
            size = (len(self.rel_pos_h) + 1) // 2
            attended = attend_in_windows(
                x, self.qkv, self.qkv.bias, distances, size, self.n_heads, room
            )
        else:
            rel_h, rel_w = (relative_rows(table) for table in tables)
            attended = attend_in_tiles(
                self.qkv(x), self.qkv.bias, rel_h, rel_w, self.n_heads
            )
        out: Tensor = self.proj(attended)
        return out


def _fix_again(attention: nn.Module, _: object) -> None:
    if isinstance(attention, Attention) and attention.distances is not None:
        attention.fix_distances()


class Block(nn.Module):
    """Transformer block; a window as large as the grid makes attention global."""

    def __init__(
        self, dim: int, n_heads: int, mlp_ratio: float, window_size: int
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, n_heads, window_size)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor, room: FoldedRoom) -> Tensor:
        """Map tokens (B, h, w, C) to tokens of the same shape.

        Without gradients a card works in place, on the tokens that are given.
        """
        if is_card(x.device) and not torch.is_grad_enabled():
            x += self.attn(self.norm1(x), room)
            tokens = x.flatten(0, 2)
            for y in torch.split(tokens, _TOKENS_IN_MLP_OF_A_CARD):
                y += self.mlp(self.norm2(y))
            return tokens.view(x.shape)
        x = x + self.attn(self.norm1(x), room)
        # On a CPU few tokens at a time: the wide hidden layer stays small.
        tokens = x.flatten(0, 2)
        parts = [
            y + self.mlp(self.norm2(y)) for y in torch.split(tokens, _TOKENS_IN_MLP)
        ]
        return torch.cat(parts).view(x.shape)


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
                grid_size if i in config.global_blocks else config.window_size,
            )
            for i in range(config.depth)
        )
        self.neck = Neck(config.embed_dim, out_dim)

    def fix_distances(self) -> None:
        """Lay out the relative positions of all layers, as `Attention` does."""
        for module in self.modules():
            if isinstance(module, Attention):
                module.fix_distances()

    def forward(self, x: Tensor) -> Tensor:
        """Encode normalised, padded images (B, 3, S, S) to (B, C, S/16, S/16)."""
        x = self.patch_embed(x) + self.pos_embed
        room = FoldedRoom()
        for block in self.blocks:
            x = block(x, room)
        embedding: Tensor = self.neck(x.permute(0, 3, 1, 2))
        return embedding
