"""TinyViT: a small hierarchical image encoder.

Source: Wu et al., "TinyViT", 2022, as MobileSAM uses it (Zhang et al., 2023), whose
checkpoint's keys are the attribute names here. The bundled model's is a variation with
fused convolutions and, after Lin et al., "Feature Pyramid Networks", 2017, a pyramid
that gives it its finer stride.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import TinyViTConfig
from .layers import Neck, merge_windows, partition_windows
from .tiny_convolutions import (
    ConvBN,
    FusedMBConv,
    FusedMerging,
    MBConv,
    PatchEmbed,
    PatchMerging,
)

# Values of the wide layer of a perceptron that a CPU's cache holds, and bytes of all of
# it that are not worth a split.
_WIDE_AT_ONCE = 2**20
_WIDE_BYTES = 2**23


class Attention(nn.Module):
    """Attention in one window, with a bias for each distance in y and x."""

    bias_index: Tensor

    def __init__(self, dim: int, n_heads: int, window_size: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.head_dim = dim // n_heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.attention_biases = nn.Parameter(torch.zeros(n_heads, window_size**2))
        y, x = torch.meshgrid(
            torch.arange(window_size), torch.arange(window_size), indexing="ij"
        )
        y, x = y.flatten(), x.flatten()
        index = (y[:, None] - y).abs() * window_size + (x[:, None] - x).abs()
        self.register_buffer("bias_index", index, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Attend within windows (B, N, C) of N = window_size**2 tokens."""
        batch, n_tokens, _ = x.shape
        qkv = self.qkv(self.norm(x)).view(
            batch, n_tokens, self.n_heads, 3 * self.head_dim
        )
        q, k, v = qkv.transpose(1, 2).split(self.head_dim, -1)
        bias = self.attention_biases[:, self.bias_index]
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=bias.to(q.dtype)[None]
        )
        projected: Tensor = self.proj(out.transpose(1, 2).reshape(x.shape))
        return projected


class Mlp(nn.Module):
    """Normalised two-layer perceptron."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., dim) to (..., dim)."""
        tokens = x.reshape(-1, x.shape[-1])
        n_together = len(tokens)
        wide_bytes = n_together * self.fc1.out_features * x.element_size()
        # On a CPU some tokens at a time: the wide layer between stays in its cache.
        if x.device.type == "cpu" and wide_bytes > _WIDE_BYTES:
            n_together = max(1, _WIDE_AT_ONCE // self.fc1.out_features)
        parts = [
            self.fc2(functional.gelu(self.fc1(self.norm(part))))
            for part in torch.split(tokens, n_together)
        ]
        return torch.cat(parts).view(x.shape)


class TinyViTBlock(nn.Module):
    """Window attention, a depthwise convolution across windows, a perceptron."""

    def __init__(
        self, dim: int, n_heads: int, window_size: int, mlp_ratio: float
    ) -> None:
        super().__init__()
        self.window_size = window_size
        self.attn = Attention(dim, n_heads, window_size)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.local_conv = ConvBN(dim, dim, 3, groups=dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        tokens = x.permute(0, 2, 3, 1)
        shape = (tokens.shape[1], tokens.shape[2])
        size = self.window_size
        # Zeros are padded before the norm, so padded tokens take part in the
        # attention with the norm's bias: the published weights expect it.
        windows, padded = partition_windows(tokens, size)
        attended = self.attn(windows.flatten(1, 2)).view(windows.shape)
        tokens = tokens + merge_windows(attended, padded, shape)
        x = self.local_conv(tokens.permute(0, 3, 1, 2))
        tokens = x.permute(0, 2, 3, 1)
        tokens = tokens + self.mlp(tokens)
        out: Tensor = tokens.permute(0, 3, 1, 2)
        return out


class Stage(nn.Module):
    """Blocks of one resolution and the step to the next stage."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stage's features and the next stage's input."""
        for block in self.blocks:
            x = block(x)
        return x, x if self.downsample is None else self.downsample(x)


class Pyramid(nn.Module):
    """Features of the stem and of all stages, mixed at the resolution of one stage."""

    def __init__(self, config: TinyViTConfig, stage: int) -> None:
        super().__init__()
        dims, strides = config.embed_dims, config.strides
        dim = dims[stage]
        # How many pixels side by side make one of the stage's: of the stem, the stages.
        sides = [math.prod(strides[i:stage]) for i in range(stage + 1)]
        self.sides = [2 * sides[0], *sides]
        self.finer = nn.ModuleList(
            nn.Conv2d(n * side**2, dim, 1)
            for n, side in zip(
                (dims[0] // 2, *dims[: stage + 1]), self.sides, strict=True
            )
        )
        self.coarser = nn.ModuleList(nn.Conv2d(n, dim, 1) for n in dims[stage + 1 :])
        self.blocks = nn.Sequential(
            *(
                FusedMBConv(dim, config.conv_expand_ratio)
                for _ in range(config.n_pyramid_blocks)
            )
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Mix maps from the finest to the coarsest."""
        n_finer = len(self.finer)
        # Not by convolutions of stride 4: of few channels, in bfloat16 on some CPUs,
        # torch 2.13 computes them wrong.
        x = sum(
            project(functional.pixel_unshuffle(fine, side))
            for project, fine, side in zip(
                self.finer, features[:n_finer], self.sides, strict=True
            )
        )
        for project, coarse in zip(self.coarser, features[n_finer:], strict=True):
            x = x + functional.interpolate(
                project(coarse), x.shape[-2:], mode="bilinear", align_corners=False
            )
        mixed: Tensor = self.blocks(x)
        return mixed


class TinyImageEncoder(nn.Module):
    """TinyViT with SAM's neck; MobileSAM's encoder or the bundled model's."""

    def __init__(self, config: TinyViTConfig, out_dim: int) -> None:
        super().__init__()
        dims = config.embed_dims
        is_fused = config.has_fused_convolutions
        conv_block = FusedMBConv if is_fused else MBConv
        merging = FusedMerging if is_fused else PatchMerging
        self.patch_embed = PatchEmbed(dims[0])
        self.layers = nn.ModuleList()
        for i, dim in enumerate(dims):
            blocks: list[nn.Module] = [
                conv_block(dim, config.conv_expand_ratio)
                if i < config.n_conv_stages
                else TinyViTBlock(
                    dim, config.n_heads[i], config.window_sizes[i], config.mlp_ratio
                )
                for _ in range(config.depths[i])
            ]
            is_last = i == len(dims) - 1
            step = None if is_last else merging(dim, dims[i + 1], config.strides[i])
            self.layers.append(Stage(blocks, step))
        if config.n_classes:  # part of MobileSAM's file, without a use here
            self.norm_head = nn.LayerNorm(dims[-1])
            self.head = nn.Linear(dims[-1], config.n_classes)
        self.pyramid: Pyramid | None = None
        n_features = dims[-1]
        if config.pyramid_stage is not None:
            self.pyramid = Pyramid(config, config.pyramid_stage)
            n_features = dims[config.pyramid_stage]
        self.neck = Neck(n_features, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Encode normalised images (B, 3, H, W) to (B, C, H / stride, W / stride)."""
        half, x = self.patch_embed(x)
        features = [half]
        for layer in self.layers:
            stage_features, x = layer(x)
            features.append(stage_features)
        if self.pyramid is not None:
            x = self.pyramid(features)
        embedding: Tensor = self.neck(x)
        return embedding
