"""Attention of a grid of tokens, with biases for the distance in y and in x.

Source: Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection",
2022 (decomposed relative positions). A window that reaches beyond the grid attends to
padded tokens too: the published weights expect it. Queries, keys and values of padded
tokens are the bias of their projection, so only true tokens are projected.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from .folded_windows import FoldedRoom

_SCORES_PER_TILE = 1 << 20  # 4 MiB of scores stay in a CPU's cache


def relative_rows(table: Tensor) -> Tensor:
    """Row of a table (2 n - 1, C) for each pair of query and key: (n, n, C)."""
    size = (table.shape[0] + 1) // 2
    position = torch.arange(size, device=table.device)
    return table[position[:, None] - position[None, :] + size - 1]


def attend_in_tiles(
    qkv: Tensor, padding: Tensor, rel_h: Tensor, rel_w: Tensor, n_heads: int
) -> Tensor:
    """Attend in each window, a few scores at a time.

    Neither windows nor scores are ever in memory as a whole, and nothing is computed
    for padded queries: for CPUs.

    Parameters
    ----------
    qkv : Tensor, (B, h, w, 3 C)
        Queries, keys and values of the tokens.
    padding : Tensor, (3 C,)
        Those of a padded token.
    rel_h, rel_w : Tensor, (size, size, C / n_heads)
        Relative positions of queries and keys in a window of ``size``².
    n_heads : int

    Returns
    -------
    Tensor, (B, h, w, C)
    """
    batch, height, width, triple = qkv.shape
    size = len(rel_h)
    out = qkv.new_empty(batch, height, width, triple // 3)
    tops, lefts = range(0, height, size), range(0, width, size)
    for b, top, left in itertools.product(range(batch), tops, lefts):
        place = (b, slice(top, top + size), slice(left, left + size))
        out[place] = _attend_window(qkv[place], padding, rel_h, rel_w, n_heads)
    return out


def _attend_window(
    window: Tensor, padding: Tensor, rel_h: Tensor, rel_w: Tensor, n_heads: int
) -> Tensor:
    """Attend in one window (h, w, 3 C), h and w at most its size, to (h, w, C)."""
    height, width, _ = window.shape
    size = len(rel_h)
    padded = window
    if window.shape[:2] != (size, size):
        padded = padding.repeat(size, size, 1)
        padded[:height, :width] = window
    q = _split_heads(window, n_heads)[0]
    _, k, v = _split_heads(padded, n_heads)
    # Both biases depend on the unscaled query: (heads, y, x, k).
    bias_h = torch.einsum("nyxc,ykc->nyxk", q, rel_h[:height])
    bias_w = torch.einsum("nyxc,xkc->nyxk", q, rel_w[:width])
    scaled_k = (k * k.shape[-1] ** -0.5).flatten(1, 2).transpose(1, 2)
    v = v.flatten(1, 2)
    out = torch.empty_like(q)
    n_rows = min(height, max(1, _SCORES_PER_TILE // (width * size**2)))
    n_together = max(1, _SCORES_PER_TILE // (n_rows * width * size**2))
    for head in range(0, n_heads, n_together):
        heads = slice(head, head + n_together)
        for row in range(0, height, n_rows):
            tile = (heads, slice(row, row + n_rows))
            scores = q[tile].flatten(1, 2) @ scaled_k[heads]
            grid = scores.view(*q[tile].shape[:3], size, size)
            grid += bias_h[tile].unsqueeze(-1)
            grid += bias_w[tile].unsqueeze(-2)
            attended = scores.softmax(-1) @ v[heads]
            out[tile] = attended.view(q[tile].shape)
    return out.permute(1, 2, 0, 3).flatten(2)


def attend_in_windows(
    x: Tensor,
    project: Callable[[Tensor], Tensor],
    padding: Tensor,
    distances: Tensor,
    size: int,
    n_heads: int,
    room: FoldedRoom,
) -> Tensor:
    """Attend in all windows at once, with a fused kernel.

    For cards, and for few windows. It has no gradients.

    Parameters
    ----------
    x : Tensor, (B, h, w, C)
        Tokens.
    project : callable
        Tokens to queries, keys and values, (..., C) to (..., 3 C).
    padding : Tensor, (3 C,)
        Those of a padded token.
    distances : Tensor, (2 n, C / n_heads)
        Relative positions from `distance_table`, for windows of ``size``².
    size : int
    n_heads : int
    room : FoldedRoom
        Memory that layers share.

    Returns
    -------
    Tensor, (B, h, w, C)
    """
    dim = distances.shape[-1]
    qkv = project(x)
    windows = room.get(qkv, x.shape[:3], size, n_heads, dim)
    windows.write(qkv, padding)
    del qkv  # memory for what attention needs
    return windows.attend(distances)


def _split_heads(qkv: Tensor, n_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Split (..., h, w, 3 C) into q, k, v, each (..., heads, h, w, C / heads)."""
    parts = qkv.reshape(*qkv.shape[:-1], 3, n_heads, -1)
    q, k, v = parts.movedim((-3, -2), (0, -4))
    return q, k, v
