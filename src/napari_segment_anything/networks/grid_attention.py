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
from torch.nn import functional

from .layers import partition_windows

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
    table_h: Tensor,
    table_w: Tensor,
    n_heads: int,
) -> Tensor:
    """Attend in all windows at once with the bias folded into the product.

    ``[q, bias_h, bias_w] . [k, onehot(y), onehot(x)]`` equals the biased scores, so
    that a fused kernel without a bias argument serves. Nothing is copied more often
    than needed, and things are written in place: on a card copies would take as long as
    the products. It has no gradients.

    Parameters
    ----------
    x : Tensor, (B, h, w, C)
        Tokens; padded ones are zeros.
    project : callable
        Tokens to queries, keys and values, (..., C) to (..., 3 C).
    table_h, table_w : Tensor, (2 size - 1, C / n_heads)
        Relative positions, for windows of ``size``².
    n_heads : int

    Returns
    -------
    Tensor, (B, h, w, C)
    """
    batch, height, width, _ = x.shape
    size = (len(table_h) + 1) // 2
    windows, padded = partition_windows(x, size)
    qkv = project(windows).view(len(windows), size**2, 3, n_heads, -1)
    dim = qkv.shape[-1]
    # Kernels for a card want widths that are multiples of 8.
    n_wide = _rounded_up(dim + 2 * size, 8)
    folded = qkv.new_empty(3, len(windows), n_heads, size**2, n_wide)
    folded[..., :dim] = qkv.permute(2, 0, 3, 1, 4)
    q, k, v = (folded[i] for i in range(3))
    _write_biases(q, dim, table_h, table_w)
    k[..., dim : dim + 2 * size] = _one_hot_places(size, k)
    folded[:2, ..., dim + 2 * size :] = 0
    v[..., dim:] = 0
    out = functional.scaled_dot_product_attention(q, k, v, scale=dim**-0.5)
    rows, columns = padded[0] // size, padded[1] // size
    out = out[..., :dim].transpose(1, 2)
    out = out.view(batch, rows, columns, size, size, n_heads, dim).transpose(2, 3)
    merged = out.reshape(batch, *padded, n_heads * dim)
    return merged[:, :height, :width]


def _write_biases(q: Tensor, dim: int, table_h: Tensor, table_w: Tensor) -> None:
    """Write biases behind queries (M, heads, size², dim + 2 size …).

    They are products of queries and all distances, of which each query needs ``size``
    next to each other: those from ``size - 1 - y`` on, if its row is y.
    """
    size = (len(table_h) + 1) // 2
    n_distances = _rounded_up(2 * size - 1, 32)
    tables = q.new_zeros(2, n_distances, dim)
    for table, given in zip(tables, (table_h, table_w), strict=True):
        # The scale of the product is not for the biases.
        table[: 2 * size - 1] = given.flip(0) * dim**0.5
    flat = q.view(-1, q.shape[-1])
    by_distance = flat[:, :dim] @ tables.flatten(0, 1).mT
    n = 2 * n_distances
    shape = (*q.shape[:2], size, size, size)
    outer = (q.shape[1] * size**2 * n, size**2 * n)
    grid = q.view(*shape[:-1], -1)
    grid[..., dim : dim + size] = by_distance.as_strided(
        shape, (*outer, size * n - 1, n, 1), size - 1
    )
    grid[..., dim + size : dim + 2 * size] = by_distance.as_strided(
        shape, (*outer, size * n, n - 1, 1), n_distances + size - 1
    )


def _one_hot_places(size: int, like: Tensor) -> Tensor:
    """Row and column of each token of a window, one-hot: (size², 2 size)."""
    eye = torch.eye(size, dtype=like.dtype, device=like.device)
    return torch.cat([eye.repeat_interleave(size, 0), eye.repeat(size, 1)], 1)


def _rounded_up(n: int, step: int) -> int:
    return -(-n // step) * step


def _split_heads(qkv: Tensor, n_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Split (..., h, w, 3 C) into q, k, v, each (..., heads, h, w, C / heads)."""
    parts = qkv.reshape(*qkv.shape[:-1], 3, n_heads, -1)
    q, k, v = parts.movedim((-3, -2), (0, -4))
    return q, k, v
