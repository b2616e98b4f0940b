"""Copies between strided tensors."""

import pytest
import torch

from napari_segment_anything.networks import layers


def test_rows_are_copied_in_wide_elements_bit_by_bit():
    """Also where they are no numbers."""
    bits = torch.randint(-(2**15), 2**15, (4, 6, 24), dtype=torch.int16)
    source = bits.view(torch.bfloat16)[:, ::2, 8:]
    to = torch.zeros(3, 4, 32, dtype=torch.bfloat16)
    assert layers._is_wide(source)
    assert layers._is_wide(to[..., :16])
    layers.copy_wide(to[..., :16].transpose(0, 1), source)
    assert torch.equal(to.view(torch.int16)[..., :16].transpose(0, 1), bits[:, ::2, 8:])
    assert not to[..., 16:].any()


@pytest.mark.parametrize("columns", [slice(0, 12), slice(4, 20), slice(0, 16, 2)])
def test_what_does_not_consist_of_wide_elements_is_copied_as_it_is(columns):
    source = torch.randn(3, 24).bfloat16()[:, columns]
    assert not layers._is_wide(source)
    to = torch.empty_like(source)
    layers.copy_wide(to, source)
    assert torch.equal(to, source)
