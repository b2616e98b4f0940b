"""TinyViT: a small hierarchical image encoder.

Source: Wu et al., "TinyViT", 2022, as MobileSAM uses it (Zhang et al., 2023), whose
checkpoint's keys are the attribute names here. A lateral connection of the neck, after
Lin et al., "Feature Pyramid Networks", 2017, gives the bundled model its finer stride.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import TinyViTConfig
from .layers import Neck, merge_windows, partition_windows


class ConvBN(nn.Module):
    """Convolution without bias, then batch normalisation."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(
            n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, H, W) to (B, n_out, H / stride, W / stride)."""
        out: Tensor = self.bn(self.c(x))
        return out


class PatchEmbed(nn.Module):
    """Stem: two convolutions of stride 2."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            ConvBN(3, dim // 2, 3, 2), nn.GELU(), ConvBN(dim // 2, dim, 3, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) at a quarter of their resolution."""
        out: Tensor = self.seq(x)
        return out


class MBConv(nn.Module):
    """Inverted bottleneck with a depthwise convolution."""

    def __init__(self, dim: int, expand_ratio: float) -> None:
        super().__init__()
        hidden = int(dim * expand_ratio)
        self.conv1 = ConvBN(dim, hidden)
        self.conv2 = ConvBN(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvBN(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        out = functional.gelu(self.conv1(x))
        out = functional.gelu(self.conv2(out))
        return functional.gelu(self.conv3(out) + x)


class PatchMerging(nn.Module):
    """From one stage to the next: other width, lower resolution if stride is 2."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvBN(n_in, n_out)
        self.conv2 = ConvBN(n_out, n_out, 3, stride, groups=n_out)
        self.conv3 = ConvBN(n_out, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, H, W) to (B, n_out, H / stride, W / stride)."""
        out = functional.gelu(self.conv1(x))
        out = functional.gelu(self.conv2(out))
        merged: Tensor = self.conv3(out)
        return merged


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
        out: Tensor = self.fc2(functional.gelu(self.fc1(self.norm(x))))
        return out


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


class TinyImageEncoder(nn.Module):
    """TinyViT with SAM's neck; MobileSAM's encoder or the bundled model's."""

    def __init__(self, config: TinyViTConfig, out_dim: int) -> None:
        super().__init__()
        dims = config.embed_dims
        self.lateral_stage = config.lateral_stage
        self.has_fine_lateral = config.has_fine_lateral
        self.patch_embed = PatchEmbed(dims[0])
        self.layers = nn.ModuleList()
        for i, dim in enumerate(dims):
            blocks: list[nn.Module] = [
                MBConv(dim, config.conv_expand_ratio)
                if i == 0
                else TinyViTBlock(
                    dim, config.n_heads[i], config.window_sizes[i], config.mlp_ratio
                )
                for _ in range(config.depths[i])
            ]
            is_last = i == len(dims) - 1
            step = (
                None if is_last else PatchMerging(dim, dims[i + 1], config.strides[i])
            )
            self.layers.append(Stage(blocks, step))
        if config.n_classes:  # part of MobileSAM's file, without a use here
            self.norm_head = nn.LayerNorm(dims[-1])
            self.head = nn.Linear(dims[-1], config.n_classes)
        if config.lateral_stage is not None:
            self.lateral = nn.Conv2d(dims[config.lateral_stage], dims[-1], 1)
            if config.has_fine_lateral:
                n_fine = dims[config.lateral_stage - 1]
                side = config.strides[config.lateral_stage - 1]
                self.fine_lateral = nn.Conv2d(n_fine, dims[-1], side, side)
        self.neck = Neck(dims[-1], out_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Encode normalised images (B, 3, H, W) to (B, C, H / stride, W / stride)."""
        x = self.patch_embed(x)
        features: list[Tensor] = []
        for layer in self.layers:
            stage_features, x = layer(x)
            features.append(stage_features)
        if self.lateral_stage is not None:
            lateral = self.lateral(features[self.lateral_stage])
            x = lateral + functional.interpolate(
                x, lateral.shape[-2:], mode="bilinear", align_corners=False
            )
            if self.has_fine_lateral:
                x = x + self.fine_lateral(features[self.lateral_stage - 1])
        embedding: Tensor = self.neck(x)
        return embedding
