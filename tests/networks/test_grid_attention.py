"""Attention in windows against a plain loop over queries."""

import itertools

import pytest
import torch

from napari_segment_anything.networks import folded_windows, grid_attention
from napari_segment_anything.networks.folded_windows import FoldedRoom, distance_table
from napari_segment_anything.networks.grid_attention import (
    attend_in_tiles,
    attend_in_windows,
    relative_rows,
)

N_HEADS = 2


def attend_one_by_one(qkv, padding, table_h, table_w, size):
    """Every query of every padded window by itself, as the paper writes it."""
    batch, height, width, triple = qkv.shape
    dim = triple // 3
    pad_h, pad_w = -height % size, -width % size
    padded = padding.expand(batch, height + pad_h, width + pad_w, triple).clone()
    padded[:, :height, :width] = qkv
    out = torch.empty(batch, height, width, dim, dtype=qkv.dtype)
    keys = list(itertools.product(range(size), range(size)))
    head_dim = dim // N_HEADS
    for b, y, x, head in itertools.product(
        range(batch), range(height), range(width), range(N_HEADS)
    ):
        top, left = y - y % size, x - x % size
        columns = slice(head * head_dim, (head + 1) * head_dim)
        q, k, v = (padded[..., i * dim : (i + 1) * dim][..., columns] for i in range(3))
        query = q[b, y, x]
        scores = torch.stack(
            [
                query @ k[b, top + ky, left + kx] / head_dim**0.5
                + query @ table_h[y % size - ky + size - 1]
                + query @ table_w[x % size - kx + size - 1]
                for ky, kx in keys
            ]
        )
        values = torch.stack([v[b, top + ky, left + kx] for ky, kx in keys])
        out[b, y, x, columns] = scores.softmax(0) @ values
    return out


@pytest.mark.parametrize("how", [1, 60, 10_000, "windows", "windows of a card"])
@pytest.mark.parametrize(
    ("shape", "size"), [((6, 6), 6), ((5, 7), 3), ((6, 3), 3), ((2, 2), 3)]
)
def test_each_query_attends_to_its_padded_window(monkeypatch, how, shape, size):
    """In tiles of so many scores, or in all windows at once."""
    monkeypatch.setattr(grid_attention, "_SCORES_PER_TILE", how)
    monkeypatch.setattr(folded_windows, "is_card", lambda _: "card" in str(how))
    generator = torch.Generator().manual_seed(1)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    qkv, padding = random(2, *shape, 3 * 8), random(3 * 8)
    table_h, table_w = random(2 * size - 1, 4), random(2 * size - 1, 4)
    if isinstance(how, str):
        found = attend_in_windows(
            qkv - padding,
            lambda x: x + padding,
            padding,
            distance_table(table_h, table_w),
            size,
            N_HEADS,
            FoldedRoom(),
        )
    else:
        rows = relative_rows(table_h), relative_rows(table_w)
        found = attend_in_tiles(qkv, padding, *rows, N_HEADS)
    expected = attend_one_by_one(qkv, padding, table_h, table_w, size)
    torch.testing.assert_close(found, expected)


def test_gradients_flow_through_the_tiles():
    generator = torch.Generator().manual_seed(2)
    arguments = [
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((1, 3, 4, 12), (12,), (2, 2, 2), (2, 2, 2))
    ]
    for argument in arguments:
        argument.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda *given: attend_in_tiles(*given, N_HEADS), arguments
    )
