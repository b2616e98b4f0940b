"""Coloured kinds of synthetic planes: stained tissue and everyday shapes."""

import math

import numpy as np
from skimage.draw import polygon

from .synthetic_grey import ImageAndLabels, draw_blobs
from .synthetic_light import blur, dome, granules, specks, uneven_light
from .synthetic_shapes import (
    Generator,
    Shape,
    keep_whole,
    log_uniform,
    per_object,
    rounded_outline,
    smooth_noise,
    warp,
)

# Optical density of haematoxylin and eosin in red, green and blue (Ruifrok and
# Johnston, Analytical and Quantitative Cytology and Histology 23, 2001).
HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.07, 0.99, 0.11])
YELLOWISH = np.array([0.08, 0.22, 0.75])


def stain(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Purple nuclei on a pink or yellowish, textured ground, by Beer and Lambert."""
    radius = min(shape) * log_uniform(rng, 0.015, 0.09)
    labels = draw_blobs(
        rng,
        shape,
        radius,
        closeness=rng.uniform(0.65, 1.2),
        roughness=0.09,
        elongation=3.5,
    )
    labels = keep_whole(warp(rng, labels, radius, rng.uniform(0, 0.12) * radius))
    nuclear = np.maximum(HAEMATOXYLIN * rng.uniform(0.6, 1.3, 3), 0.05)
    ground = YELLOWISH if rng.random() < 0.3 else EOSIN
    ground = np.maximum(ground * rng.uniform(0.5, 1.4, 3) + rng.uniform(0, 0.2, 3), 0)

    inside = dome(labels, log_uniform(rng, 0.6, 0.3 * radius + 1))
    chromatin = granules(rng, shape, max(1.2, 0.2 * radius)) * rng.uniform(0.05, 0.35)
    chromatin += specks(rng, shape, share=0.4 / radius**2, size=0.12 * radius + 0.5)
    amount = inside * per_object(rng, labels, 0.5, 1.5) * np.maximum(1 + chromatin, 0.1)
    if rng.random() < 0.4:  # vesicular nuclei: a dark rim around a pale inside
        amount *= 1 - rng.uniform(0.2, 0.6) * dome(labels, 0.5 * radius)
    amount += blur(amount, 0.8 * radius) * rng.uniform(0, 0.3)
    fibres = smooth_noise(rng, shape, rng.uniform(2, 5), stretch=rng.uniform(1, 8))
    weave = 1 + rng.uniform(0.05, 0.4) * warp(rng, fibres, 60, 15)
    weave += rng.uniform(0, 0.3) * granules(rng, shape, radius)
    lumen = blur((smooth_noise(rng, shape, 5 * radius) > rng.uniform(1, 3)) * 1.0, 1.5)
    tissue = np.maximum(weave, 0.05) * (1 - 0.9 * lumen) * (1 - 0.6 * inside)
    density = amount[..., None] * nuclear * log_uniform(rng, 0.5, 1.8) + tissue[
        ..., None
    ] * ground * log_uniform(rng, 0.1, 0.8)
    white = 1 - rng.uniform(0, 0.15, 3)
    image = white.astype(np.float32) * np.exp(-density.astype(np.float32))
    sigma = rng.uniform(0, 1.4)
    image = np.stack(
        [blur(channel, sigma) for channel in np.moveaxis(image, -1, 0)], -1
    )
    image += rng.standard_normal((*shape, 3), np.float32) * log_uniform(
        rng, 0.002, 0.04
    )
    return image * uneven_light(rng, shape, rng.uniform(0, 0.05))[..., None], labels


def everyday_shapes(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Polygons, ellipses and stars that lie upon each other on a coloured ground."""
    image = rng.random(3) + _pattern(rng, shape)[..., None] * rng.normal(0, 0.15, 3)
    image = image.astype(np.float32)
    labels = np.zeros(shape, np.int32)
    has_shadow = rng.random() < 0.3
    has_line = rng.random() < 0.3
    side = min(shape)
    radius = side * log_uniform(rng, 0.03, 0.18)
    n = int(np.clip(rng.uniform(0.2, 1.3) * side**2 / (4 * radius**2), 2, 100))
    for i in range(1, n + 1):
        size = radius * log_uniform(rng, 0.4, 2)
        corners = _corners(rng, size) + rng.uniform(0, 1, 2) * shape
        if has_shadow:
            rows, columns = _filled(corners + 0.1 * radius, shape)
            image[rows, columns] *= 0.6
        rows, columns = _filled(corners, shape)
        labels[rows, columns] = i
        colour, second = rng.uniform(0, 1, (2, 3))
        if rng.random() < 0.3 and len(
            rows
        ):  # hardly another colour than what lies below
            colour = np.clip(
                image[rows, columns].mean(0) + rng.normal(0, 0.12, 3), 0, 1
            )
        share = np.zeros(len(rows))
        if rng.random() < 0.6 and len(rows):
            share = rng.uniform(0.1, 0.6) * _shading(rng, rows, columns, size)
        image[rows, columns] = colour + share[:, None] * (second - colour)
        if has_line:
            inner = corners.mean(0) + (corners - corners.mean(0)) * 0.9
            mask = np.zeros(shape, bool)
            mask[rows, columns] = True
            mask[_filled(inner, shape)] = False
            image[mask] *= 0.4
    image *= 1 + rng.uniform(0, 0.1) * _pattern(rng, shape)[..., None]
    sigma = rng.uniform(0, 1.5)
    image = np.stack(
        [blur(channel, sigma) for channel in np.moveaxis(image, -1, 0)], -1
    )
    image += rng.standard_normal((*shape, 3), np.float32) * log_uniform(
        rng, 0.002, 0.05
    )
    return np.clip(image, 0, 1), keep_whole(labels)


def _filled(corners: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels inside a polygon, within the plane."""
    rows, columns = polygon(corners[:, 0], corners[:, 1], shape)  # type: ignore[no-untyped-call]
    return rows, columns


def _corners(rng: Generator, size: float) -> np.ndarray:
    """Corners (n, 2) of a polygon, an ellipse or a star around the origin."""
    turn = rng.uniform(0, 2 * math.pi)
    kind = rng.integers(4)
    if kind == 0:  # polygon
        n = int(rng.integers(3, 8))
        angle = turn + (np.arange(n) + rng.uniform(-0.25, 0.25, n)) * 2 * math.pi / n
        reach = size * rng.uniform(0.75, 1.15, n)
    elif kind == 1:  # star
        n = int(rng.integers(4, 9))
        angle = turn + np.arange(2 * n) * math.pi / n
        reach = size * np.where(np.arange(2 * n) % 2, rng.uniform(0.35, 0.7), 1.2)
    elif kind == 2:  # ellipse
        angle = turn + np.arange(64) * math.pi / 32
        reach = np.full(64, size)
    else:  # pebble
        reach = rounded_outline(rng, size, elongation=1.5, roughness=0.12)[::4]
        angle = turn + np.arange(64) * math.pi / 32
    points = reach[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return np.asarray(points * [1, log_uniform(rng, 0.45, 1)] @ _rotation(rng))


def _rotation(rng: Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * math.pi)
    return np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )


def _shading(
    rng: Generator, rows: np.ndarray, columns: np.ndarray, size: float
) -> np.ndarray:
    """Share 0 to 1 of the second colour: a gradient, stripes, checks or a light."""
    along, across = (_rotation(rng) @ np.stack([rows, columns])) / size
    kind = rng.integers(4)
    if kind == 0:
        return np.asarray((along - along.min()) / (np.ptp(along) + 1e-6))
    pitch = rng.uniform(3, 20)
    if kind == 1:
        return np.asarray(np.sin(pitch * along) > rng.uniform(-0.5, 0.5), float)
    if kind == 2:
        return np.asarray(np.sin(pitch * along) * np.sin(pitch * across) > 0, float)
    apart = np.hypot(along - along.mean() + 0.3, across - across.mean() + 0.3)
    return np.asarray(np.exp(-2 * apart**2))


def _pattern(rng: Generator, shape: Shape) -> np.ndarray:
    """Texture of a ground, variance about 1: none, grains, clouds, stripes."""
    kind = rng.integers(5)
    if kind == 0:
        return np.zeros(shape, np.float32)
    if kind == 1:
        return granules(rng, shape, rng.uniform(1.5, 6))
    if kind == 2:
        return smooth_noise(rng, shape, rng.uniform(20, 150))
    if kind == 3:
        long = rng.uniform(4, 20)
        return smooth_noise(rng, shape, rng.uniform(2, 6), stretch=long)
    down, across = np.indices(shape, sparse=True)
    angle, period = rng.uniform(0, math.pi), log_uniform(rng, 6, 80)
    along = math.sin(angle) * down + math.cos(angle) * across
    return np.asarray(1.4 * np.sin(2 * math.pi * along / period), np.float32)
