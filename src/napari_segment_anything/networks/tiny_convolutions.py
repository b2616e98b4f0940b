"""Convolutional parts of TinyViT, with batch norms that can be folded into them.

Source: Wu et al., "TinyViT", 2022. Attribute names equal the keys of MobileSAM's
checkpoint.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# Values of a wide tensor that a CPU's cache holds.
_WIDE_AT_ONCE = 2**20


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

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embed images (B, 3, H, W) at a half and at a quarter of their resolution."""
        first, activate, second = self.seq
        half = activate(first(x))
        return half, second(half)


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
        # On a CPU some rows at a time: the wide tensors in between stay in its cache.
        height, width = x.shape[2:]
        n_rows = height
        if x.device.type == "cpu":
            n_rows = max(8, _WIDE_AT_ONCE // (width * self.conv1.c.out_channels))
        parts = []
        for start in range(0, height, n_rows):
            stop = min(start + n_rows, height)
            top, bottom = max(0, start - 1), min(height, stop + 1)
            out = functional.gelu(self.conv1(x[:, :, top:bottom]))
            out = functional.gelu(self.conv2(out))[:, :, start - top : stop - top]
            parts.append(functional.gelu(self.conv3(out) + x[:, :, start:stop]))
        return torch.cat(parts, 2)


class FusedMBConv(nn.Module):
    """Inverted bottleneck with one dense convolution for the first two."""

    def __init__(self, dim: int, expand_ratio: float) -> None:
        super().__init__()
        hidden = int(dim * expand_ratio)
        self.conv1 = ConvBN(dim, hidden, 3)
        self.conv2 = ConvBN(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        out: Tensor = x + self.conv2(functional.relu(self.conv1(x)))
        return out


class FusedMerging(nn.Module):
    """`PatchMerging` in one dense convolution."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv = ConvBN(n_in, n_out, 3, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, H, W) to (B, n_out, H / stride, W / stride)."""
        return functional.relu(self.conv(x))


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
