"""Small layers that several networks share."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_WIDE = torch.complex128  # the largest element that is copied at once: 16 bytes


class LayerNorm2d(nn.Module):
    """Layer normalisation over the channels of an image (B, C, H, W)."""

    def __init__(self, n_channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each pixel's channels; shape (B, C, H, W) is kept."""
        centred = x - x.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        normalised = centred * torch.rsqrt(variance + self.eps)
        return normalised * self.weight[:, None, None] + self.bias[:, None, None]


class Neck(nn.Sequential):
    """From an encoder's width to the width of the image embedding."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__(
            nn.Conv2d(in_dim, out_dim, kernel_size=1, bias=False),
            LayerNorm2d(out_dim),
            nn.Conv2d(out_dim, out_dim, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(out_dim),
        )


def is_card(device: torch.device) -> bool:
    """Whether few large steps of work are better than such as a cache holds."""
    return device.type != "cpu"


def partition_windows(x: Tensor, size: int) -> tuple[Tensor, tuple[int, int]]:
    """Cut (B, H, W, C) into windows (B * n, size, size, C), padded with zeros.

    Also returns the padded height and width, which `merge_windows` needs.
    """
    batch, height, width, channels = x.shape
    pad_h, pad_w = -height % size, -width % size
    if pad_h or pad_w:
        x = nn.functional.pad(x, (0, 0, 0, pad_w, 0, pad_h))
    rows, columns = (height + pad_h) // size, (width + pad_w) // size
    x = x.view(batch, rows, size, columns, size, channels).transpose(2, 3)
    windows = x.reshape(-1, size, size, channels)
    return windows, (height + pad_h, width + pad_w)


def merge_windows(
    windows: Tensor, padded: tuple[int, int], shape: tuple[int, int]
) -> Tensor:
    """Undo `partition_windows`: (B * n, size, size, C) to (B, *shape, C)."""
    size, channels = windows.shape[1], windows.shape[-1]
    rows, columns = padded[0] // size, padded[1] // size
    x = windows.view(-1, rows, columns, size, size, channels).transpose(2, 3)
    x = x.reshape(-1, padded[0], padded[1], channels)
    return x[:, : shape[0], : shape[1]]


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """Split the channels (..., T, C) by heads: (..., heads, T, C / heads)."""
    return x.view(*x.shape[:-1], n_heads, -1).transpose(-3, -2)


def blocks(
    n: int, length: int, n_in_cache: int, device: torch.device
) -> Iterator[tuple[slice, list[slice]]]:
    """Cut rows (n, length, ...) into blocks that a CPU's cache holds.

    Yields rows with the parts that they are cut into: several rows whole, or one in
    parts, so that each block is contiguous in memory. On a card all is one block.
    """
    if is_card(device):
        n_in_cache = n * length
    n_rows = max(1, n_in_cache // max(1, length))
    step = max(1, length if n_rows > 1 else min(length, n_in_cache))
    parts = [slice(start, start + step) for start in range(0, length, step)]
    for row in range(0, n, n_rows):
        yield slice(row, row + n_rows), parts


def batched_linear(x: Tensor, weights: Tensor) -> Tensor:
    """Multiply (N, M, C) by a matrix each, (N, T, C) transposed: (N, M, T)."""
    if len(x) == 1:
        # A batch of one copies its second factor in bfloat16 on a CPU.
        return nn.functional.linear(x[0], weights[0])[None]
    return x @ weights.mT


def copy_wide(to: Tensor, source: Tensor) -> None:
    """Copy between strided tensors in elements as wide as possible.

    For each element a card computes two addresses, which with two bytes takes longer
    than to move them.
    """
    if _is_wide(to) and _is_wide(source):
        to, source = to.view(_WIDE), source.view(_WIDE)
    to.copy_(source)


def _is_wide(x: Tensor) -> bool:
    """Whether rows consist of wide elements, on a device that has them."""
    if torch.compiler.is_compiling():
        return False  # a compiler writes copies of its own
    places = x.shape[-1], x.storage_offset(), *x.stride()[:-1]
    return (
        x.device.type in ("cpu", "cuda")
        and x.stride(-1) == 1
        and all(n * x.element_size() % _WIDE.itemsize == 0 for n in places)
    )
