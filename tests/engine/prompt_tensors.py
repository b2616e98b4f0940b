"""Random image embeddings and prompts, as the networks take them."""

import torch


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def image(config, seed):
    side = config.embedding_size
    return random(1, config.transformer_dim, side, side, seed=seed)


def points(config, n=1, n_points=1, seed=0):
    xy = random(n, n_points, 2, seed=seed).abs() * config.image_size / 3
    return {"points_xy": xy, "point_labels": torch.ones(n, n_points, dtype=torch.int64)}


def boxes(config, n=1, seed=0):
    corner = random(n, 2, seed=seed).abs() * config.image_size / 6
    return {"boxes_xyxy": torch.cat([corner, corner + config.image_size / 4], 1)}


def masks(config, n=1, seed=0):
    side = config.low_res_size
    return {"masks": random(n, 1, side, side, seed=seed) * 5}


REQUESTS = {
    "point": points,
    "points": lambda config, seed: points(config, 3, 4, seed),
    "grid": lambda config, seed: points(config, 64, 1, seed),
    "box": boxes,
    "boxes": lambda config, seed: boxes(config, 5, seed),
    "both": lambda config, seed: points(config, 2, 2, seed) | boxes(config, 2, seed),
    "mask": masks,
    "clicks": lambda config, seed: points(config, 1, 2, seed) | masks(config, 1, seed),
    "masks": lambda config, seed: points(config, 3, 2, seed) | masks(config, 3, seed),
}


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
