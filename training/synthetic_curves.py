"""Kinds of synthetic planes whose objects are rods and filaments."""

import math

import numpy as np

from .synthetic_grey import ImageAndLabels, draw_blobs
from .synthetic_light import (
    blur,
    dome,
    expose,
    granules,
    threads,
    uneven_light,
)
from .synthetic_shapes import (
    Generator,
    Shape,
    draw_curve,
    grow_curves,
    keep_whole,
    log_uniform,
    per_object,
)


def rods(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Bacteria, end to end in chains, in packs or apart."""
    radius = log_uniform(rng, 2.5, 9)
    length = radius * rng.uniform(3, 9)
    wiggle = rng.choice([0.01, 0.05])
    curves: list[np.ndarray] = []
    per_chain = int(rng.integers(1, 8))
    n_rods = int(rng.integers(6, 150))
    pack = radius * length * n_rods * rng.uniform(0.7, 3)
    middle = rng.uniform(0.25, 0.75, 2) * shape
    is_packed = rng.random() < 0.5
    # Axes keep a radius or two apart from those of other chains: cells of this width.
    is_taken = np.zeros([int(side / radius) + 4 for side in shape], bool)
    for _ in range(4 * n_rods):
        start = rng.random(2) * shape
        if is_packed:
            start = rng.normal(middle, math.sqrt(pack) / 2)
        chain = draw_curve(rng, start, length * per_chain, wiggle=wiggle)
        cells = (chain / radius).astype(int) + 1
        is_inside = np.all((cells > 0) & (cells < np.array(is_taken.shape) - 1), axis=1)
        cells = cells[is_inside]
        if not len(cells) or is_taken[tuple(cells.T)].any():
            continue
        for down, across in np.ndindex(3, 3):
            is_taken[cells[:, 0] + down - 1, cells[:, 1] + across - 1] = True
        for whole in np.array_split(chain, per_chain):
            gap = int(2 * radius * rng.uniform(0.7, 1.1))
            if len(whole) - 2 * gap > 2:
                curves.append(whole[gap:-gap])
            else:
                curves.append(whole[len(whole) // 2 :][:2])
        if len(curves) >= n_rods:
            break
    labels, ratio = grow_curves(shape, curves, np.full(len(curves), radius))
    labels = keep_whole(labels)
    return _render_curves(rng, labels, np.where(labels > 0, ratio, 1), radius), labels


def filaments(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Filaments: the objects themselves, or a distraction under round objects."""
    side = min(shape)
    if rng.random() < 0.5:
        radius = log_uniform(rng, 1.8, 7)
        curves = [
            draw_curve(
                rng,
                rng.uniform(0.05, 0.95, 2) * shape,
                side * rng.uniform(0.15, 0.7),
                wiggle=rng.uniform(0.02, 0.15),
            )
            for _ in range(rng.integers(3, 20))
        ]
        radii = radius * rng.uniform(0.7, 1.4, len(curves))
        labels, ratio = grow_curves(shape, curves, radii)
        labels = keep_whole(labels)
        ratio = np.where(labels > 0, ratio, 1)
        return _render_curves(rng, labels, ratio, radius), labels
    radius = side * log_uniform(rng, 0.02, 0.08)
    labels = keep_whole(draw_blobs(rng, shape, radius, closeness=rng.uniform(0.7, 1.3)))
    fibres = threads(rng, shape) * rng.uniform(0.2, 1)
    body = dome(labels, rng.uniform(0.1, 0.5) * radius)
    body = body * per_object(rng, labels, 0.5, 1.5) * rng.uniform(0.4, 1)
    body *= np.maximum(1 + rng.uniform(0, 0.3) * granules(rng, shape, 2), 0)
    hidden = 1 - rng.uniform(0.3, 1) * (labels > 0)
    image = 0.1 + body + fibres * hidden
    if rng.random() < 0.3:
        image = 1 - 0.8 * image / image.max()
    return expose(rng, image * uneven_light(rng, shape, 0.1)), labels


def _render_curves(
    rng: Generator, labels: np.ndarray, ratio: np.ndarray, radius: float
) -> np.ndarray:
    """Light thick curves as fluorescence, as dark bodies with a halo, or as walls."""
    shape = labels.shape
    profile = np.sqrt(np.clip(1 - ratio**2, 0, 1)) * per_object(rng, labels, 0.6, 1.5)
    profile *= np.maximum(1 + rng.uniform(0, 0.3) * granules(rng, shape, 2), 0)
    if rng.random() < 0.3:  # a bright wall
        profile = (labels > 0) * np.exp(-(((1 - ratio) * radius / 1.2) ** 2))
    light = uneven_light(rng, shape, rng.uniform(0, 0.15))
    if rng.random() < 0.5:
        haze = blur(profile, 2 * radius) * rng.uniform(0, 0.4)
        image = (profile + haze) * light + rng.uniform(0.02, 0.3)
    else:
        halo = blur(profile, rng.uniform(1, 3) * radius) * rng.uniform(0, 1)
        texture = granules(rng, shape, 2) * rng.uniform(0, 0.15)
        contrast = rng.uniform(0.15, 0.5)
        image = 0.6 * light + contrast * (halo - profile + texture)
        return expose(rng, image, blur_up_to=1.3, noise=0.3 * contrast)
    return expose(rng, image * rng.uniform(0.4, 1), blur_up_to=1.3)
