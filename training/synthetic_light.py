"""What light, lens and camera make of synthetic objects."""

import math

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from .synthetic_shapes import (
    Generator,
    Shape,
    draw_curve,
    edge_distance,
    grow_curves,
    log_uniform,
    smooth_noise,
)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a plane; a wide one as two box filters, in constant time."""
    if sigma < 0.3:
        return image
    if sigma < 3:
        return np.asarray(gaussian_filter(image, sigma, truncate=3))
    size = max(3, round(sigma * math.sqrt(6)))
    return np.asarray(uniform_filter(uniform_filter(image, size), size))


def dome(labels: np.ndarray, width: float) -> np.ndarray:
    """Thickness of each object: rises from 0 at its edge to 1, within ``width``."""
    return np.asarray(1 - np.exp(-edge_distance(labels) / width), np.float32)


def granules(rng: Generator, shape: Shape, size: float) -> np.ndarray:
    """Texture of variance 1 with grains of several sizes around ``size`` pixels."""
    texture = smooth_noise(rng, shape, size) + 0.7 * smooth_noise(rng, shape, 3 * size)
    return np.asarray(texture / 1.22, np.float32)


def specks(rng: Generator, shape: Shape, *, share: float, size: float) -> np.ndarray:
    """Sparse dots of height around 1 at a share of the pixels: organelles, debris."""
    points = np.where(
        rng.random(shape, np.float32) < share, rng.random(shape, np.float32) + 0.5, 0
    )
    dots = blur(np.asarray(points, np.float32), size)
    return np.minimum(dots * (2 * math.pi * size**2), 1.5)


def uneven_light(rng: Generator, shape: Shape, amount: float) -> np.ndarray:
    """Illumination around 1 that varies slowly across the plane."""
    wide = rng.uniform(0.4, 1.5) * max(shape)
    return np.maximum(1 + amount * smooth_noise(rng, shape, wide), 0.1)


def threads(rng: Generator, shape: Shape) -> np.ndarray:
    """Fibres of brightness up to 1 that belong to no object."""
    side = max(shape)
    curves = [
        draw_curve(
            rng, rng.uniform(0, 1, 2) * shape, side * rng.uniform(0.2, 1), wiggle=0.05
        )
        for _ in range(rng.integers(5, 40))
    ]
    radii = np.exp(rng.uniform(math.log(0.8), math.log(3), len(curves)))
    _, ratio = grow_curves(shape, curves, radii)
    return np.asarray(np.exp(-(ratio**2)), np.float32)


def expose(
    rng: Generator, image: np.ndarray, *, blur_up_to: float = 1.6, noise: float = 0.1
) -> np.ndarray:
    """Blur, photon noise and read noise of a camera; ``image`` is about 0 to 1.

    ``noise`` is the most of either, as a share of an intensity of 1.
    """
    sharp = np.maximum(blur(image.astype(np.float32), rng.uniform(0, blur_up_to)), 0)
    shot = log_uniform(rng, 0.08 * noise, noise)
    read = log_uniform(rng, 0.02 * noise, 0.4 * noise)
    # The normal limit of Poisson's law: several times faster, the same to the eye.
    deviation = np.sqrt(sharp * shot**2 + read**2)
    return np.asarray(sharp + deviation * rng.standard_normal(sharp.shape, np.float32))
