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


def test_lateral_connection_gives_the_finer_stride():
    config = TinyViTConfig((8, 16, 16), (1, 1, 1), (1, 1, 1), (4, 4, 4), (2, 2))
    coarse = TinyImageEncoder(config, 12).eval()
    fine = TinyImageEncoder(
        TinyViTConfig(
            (8, 16, 16), (1, 1, 1), (1, 1, 1), (4, 4, 4), (2, 2), lateral_stage=1
        ),
        12,
    ).eval()
    image = torch.zeros(1, 3, 64, 96)
    with torch.inference_mode():
        assert coarse(image).shape == (1, 12, 4, 6)
        assert fine(image).shape == (1, 12, 8, 12)
