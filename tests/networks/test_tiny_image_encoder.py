"""TinyViT's attention bias and shapes."""

import itertools

import torch

from napari_segment_anything.networks.config import TinyViTConfig
from napari_segment_anything.networks.tiny_image_encoder import (
    Attention,
    TinyImageEncoder,
)


def test_bias_depends_on_the_distance_in_y_and_x():
    torch.manual_seed(0)
    size, dim, n_heads = 3, 8, 2
    attention = Attention(dim, n_heads, size).eval()
    torch.nn.init.normal_(attention.attention_biases)
    x = torch.randn(1, size * size, dim)
    with torch.inference_mode():
        # TinyViT numbers the distances in the order in which it meets them.
        numbers: dict[tuple[int, int], int] = {}
        points = list(itertools.product(range(size), range(size)))
        bias = torch.empty(n_heads, len(points), len(points))
        for i, p in enumerate(points):
            for j, q in enumerate(points):
                distance = (abs(p[0] - q[0]), abs(p[1] - q[1]))
                number = numbers.setdefault(distance, len(numbers))
                bias[:, i, j] = attention.attention_biases[:, number]
        qkv = attention.qkv(attention.norm(x))[0].view(-1, n_heads, 3, dim // n_heads)
        q, k, v = qkv.permute(2, 1, 0, 3)
        scores = q @ k.transpose(1, 2) / (dim // n_heads) ** 0.5 + bias
        expected = attention.proj((scores.softmax(-1) @ v).transpose(0, 1).flatten(1))
        torch.testing.assert_close(attention(x)[0], expected)


def test_pyramid_gives_the_stride_of_its_stage():
    sizes = {
        "embed_dims": (8, 16, 16),
        "depths": (1, 1, 1),
        "n_heads": (1, 1, 1),
        "window_sizes": (4, 4, 4),
        "strides": (2, 2),
    }
    image = torch.rand(1, 3, 64, 96)
    for is_fused in (False, True):
        sizes["has_fused_convolutions"] = is_fused
        coarse = TinyImageEncoder(TinyViTConfig(**sizes), 12).eval()
        fine = TinyImageEncoder(TinyViTConfig(**sizes, pyramid_stage=1), 12).eval()
        finest = TinyImageEncoder(TinyViTConfig(**sizes, pyramid_stage=0), 12).eval()
        with torch.inference_mode():
            assert coarse(image).shape == (1, 12, 4, 6)
            assert fine(image).shape == (1, 12, 8, 12)
            assert finest(image).shape == (1, 12, 16, 24)


def test_pyramid_sees_all_stages():
    config = TinyViTConfig(
        (8, 16, 16),
        (1, 1, 1),
        (1, 1, 1),
        (4, 4, 4),
        (2, 2),
        has_fused_convolutions=True,
        n_conv_stages=2,
        pyramid_stage=1,
        n_pyramid_blocks=1,
    )
    encoder = TinyImageEncoder(config, 12)
    encoder(torch.rand(2, 3, 64, 64)).square().sum().backward()
    assert encoder.pyramid is not None
    for project in (*encoder.pyramid.finer, *encoder.pyramid.coarser):
        assert project.weight.grad.abs().sum() > 0
