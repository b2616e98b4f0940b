"""Windows of a grid with the bias of their attention folded into the product.

``[q, bias_h, bias_w] . [k, onehot(y), onehot(x)]`` equals the biased scores, so that a
fused kernel without a bias argument serves. On a card copies would take as long as the
products. So each token is copied once on its way into the windows, which pads and
partitions, and once on its way out; what is the same for all layers is written once.
"""

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from .layers import copy_wide, is_card


class FoldedWindows:
    """Memory for queries, keys and values of all windows of a grid.

    Padded tokens have no queries, their keys and values are given with those of the
    others. Behind the ``dim`` entries of a query there is room for its biases, behind
    those of a key there is its place, one-hot.

    Parameters
    ----------
    like : Tensor
        Of the type and on the device that is wanted.
    shape : (B, h, w)
        Of the grid.
    size : int
        Side of a window.
    n_heads : int
    dim : int
        Width of a head.
    """

    def __init__(
        self, like: Tensor, shape: torch.Size, size: int, n_heads: int, dim: int
    ) -> None:
        self._shape, self._size, self._dim = shape, size, dim
        batch, rows, columns = shape[0], *(-(-n // size) for n in shape[1:])
        # Kernels for a card want widths that are multiples of 8, but take any stride
        # before: heads come behind the tokens there, as a linear layer has them.
        n_wide = rounded_up(dim + 2 * size, 8)
        is_on_card = is_card(like.device)
        inner = (size, size, n_heads) if is_on_card else (n_heads, size, size)
        self._memory = like.new_zeros(3, batch, rows, columns, *inner, n_wide)
        whole = self._memory if is_on_card else self._memory.movedim(4, 6)
        self._parts = whole
        eye = torch.eye(size, dtype=like.dtype, device=like.device)
        keys = whole[1]
        keys[..., dim : dim + size] = eye[:, None, None]
        keys[..., dim + size : dim + 2 * size] = eye[:, None]

    def write(self, qkv: Tensor, padding: Tensor) -> None:
        """Partition queries, keys and values (B, h, w, 3 C) of the tokens.

        ``padding`` (3 C,) are those of a padded token.
        """
        dim, (_, height, width) = self._dim, self._shape
        tokens = qkv.view(*self._shape, 3, -1, dim)
        windows = self._parts[..., :dim].movedim(0, 5)
        for to, source in self._pieces(windows, tokens):
            copy_wide(to, source)
        padded = padding.view(3, -1, dim)[1:]
        for n, axis in ((height, 1), (width, 2)):
            if n % self._size:
                last = windows.select(axis, -1)[..., 1:, :, :]
                rest = slice(n % self._size, None)
                last = last[:, :, rest] if axis == 1 else last[:, :, :, rest]
                copy_wide(last, padded.expand_as(last))

    def attend(self, distances: Tensor) -> Tensor:
        """Attend in each window, with relative positions from `distance_table`.

        Returns
        -------
        Tensor, (B, h, w, C)
        """
        self._write_biases(distances)
        q, k, v = (
            part.flatten(3, 4).flatten(0, 2).transpose(1, 2) for part in self._parts
        )
        out = functional.scaled_dot_product_attention(q, k, v, scale=self._dim**-0.5)
        out = out[..., : self._dim].transpose(1, 2)
        windows = out.view(*self._parts.shape[1:6], *out.shape[2:])
        merged = out.new_empty(*self._shape, *out.shape[2:])
        for piece, to in self._pieces(windows, merged):
            copy_wide(to, piece)
        return merged.flatten(3)

    def _write_biases(self, distances: Tensor) -> None:
        """Write biases behind queries: products of them and all distances.

        Each query needs ``size`` of these, next to each other: those from ``size - 1
        - y`` on, if its row is y.
        """
        queries, dim, size = self._parts[0].flatten(0, 2), self._dim, self._size
        n, n_wide = len(distances), queries.shape[-1]
        by_distance = self._memory[0].view(-1, n_wide)[:, :dim] @ distances.mT
        shape = (*queries.shape[:-1], size)
        window, row, column, head = (
            stride // n_wide * n for stride in queries.stride()[:-1]
        )
        queries[..., dim : dim + size] = by_distance.as_strided(
            shape, (window, row - 1, column, head, 1), size - 1
        )
        queries[..., dim + size : dim + 2 * size] = by_distance.as_strided(
            shape, (window, row, column - 1, head, 1), n // 2 + size - 1
        )

    def _pieces(
        self, windows: Tensor, tokens: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Pair windows (B, rows, columns, y, x, ...) with their tokens (B, h, w, ...).

        Those that are whole, those cut by an edge and those cut by both are a pair of
        views each.
        """
        size = self._size
        spans = [_spans(n, size) for n in self._shape[1:]]
        for (rows, tall), (columns, wide) in itertools.product(*spans):
            part = tokens[
                :,
                rows.start * size : (rows.stop - 1) * size + tall,
                columns.start * size : (columns.stop - 1) * size + wide,
            ]
            cut = windows[:, rows, columns, :tall, :wide]
            in_windows = part.view(
                part.shape[0], cut.shape[1], tall, cut.shape[2], wide, *part.shape[3:]
            )
            yield cut, in_windows.transpose(2, 3)


class FoldedRoom:
    """Hands the same folded windows to all layers of a size, on a card.

    A CPU makes them anew: it has a cache to fill.
    """

    def __init__(self) -> None:
        self._kept: dict[object, FoldedWindows] = {}

    def get(
        self, like: Tensor, shape: torch.Size, size: int, n_heads: int, dim: int
    ) -> FoldedWindows:
        """Windows as `FoldedWindows` makes them, whose tokens are to be written."""
        key = like.dtype, like.device, tuple(shape), size, n_heads, dim
        windows = self._kept.get(key)
        if windows is None:
            windows = FoldedWindows(like, shape, size, n_heads, dim)
            if is_card(like.device):
                self._kept[key] = windows
        return windows


def distance_table(table_h: Tensor, table_w: Tensor) -> Tensor:
    """Lay out relative positions (2 size - 1, dim), in y and in x, for the products.

    Returns (2 n, dim) with n rows for each axis, in the order of the keys.
    """
    size, dim = (len(table_h) + 1) // 2, table_h.shape[-1]
    tables = table_h.new_zeros(2, rounded_up(2 * size - 1, 32), dim)
    for table, given in zip(tables, (table_h, table_w), strict=True):
        # The scale of the product is not for the biases.
        table[: 2 * size - 1] = given.flip(0) * dim**0.5
    return tables.flatten(0, 1)


def rounded_up(n: int, step: int) -> int:
    """Round to a multiple of ``step``."""
    return -(-n // step) * step


def _spans(length: int, size: int) -> list[tuple[slice, int]]:
    """Windows along an axis with the tokens that each has: whole ones, then the cut."""
    n_whole, rest = divmod(length, size)
    spans = [(slice(0, n_whole), size)] if n_whole else []
    return [*spans, (slice(n_whole, n_whole + 1), rest)] if rest else spans
