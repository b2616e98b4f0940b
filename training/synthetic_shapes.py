"""Outlines of synthetic objects and how they share a plane: from numbers to labels."""

import math

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import label

N_ANGLES = 256
MIN_AREA = 20
MAX_OBJECTS = 150

Generator = np.random.Generator
Shape = tuple[int, int]


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def smooth_noise(
    rng: Generator, shape: Shape, scale: float, *, stretch: float = 1.0
) -> np.ndarray:
    """Noise of mean 0 and variance 1 whose grains measure about ``scale`` pixels.

    ``stretch`` lengthens the grains along y.
    """
    if scale * max(stretch, 1) < 7:
        white = rng.standard_normal(shape, np.float32)
        sigma = (0.42 * scale * stretch, 0.42 * scale)
        noise = gaussian_filter(white, sigma, truncate=2.5)
    else:  # a coarse grid, interpolated: the same look in less time
        down = _interpolation(shape[0], scale * stretch)
        across = _interpolation(shape[1], scale)
        grid = rng.standard_normal((down.shape[1], across.shape[1]), np.float32)
        noise = down @ grid @ across.T
    sample = noise[::3, ::3]
    noise -= sample.mean()
    noise /= sample.std() + 1e-6
    return np.asarray(noise)


def _interpolation(side: int, scale: float) -> np.ndarray:
    """Gaussian weights (side, n) of grid points with steps of ``0.6 scale``."""
    step = 0.6 * scale
    points = (np.arange(int(side / step) + 6) - 2.5) * step
    offset = (np.arange(side)[:, None] - points) / step
    return np.asarray(np.exp(-0.5 * (offset / 0.7) ** 2), np.float32)


def rounded_outline(
    rng: Generator, radius: float, *, elongation: float, roughness: float
) -> np.ndarray:
    """Radius by angle (N_ANGLES,) of an ellipse with a few gentle bumps."""
    angle = np.arange(N_ANGLES) * 2 * math.pi / N_ANGLES
    turned = angle + rng.uniform(0, 2 * math.pi)
    long = math.sqrt(elongation)
    outline = radius / np.hypot(np.cos(turned) / long, np.sin(turned) * long)
    order = np.arange(2, 7)[:, None]
    bumps = np.clip(rng.normal(0, roughness, order.shape) * 2 / order, -0.3, 0.3)
    phases = rng.uniform(0, 2 * math.pi, order.shape)
    return np.asarray(outline * np.prod(1 + bumps * np.cos(order * angle + phases), 0))


def spread_outline(rng: Generator, radius: float) -> np.ndarray:
    """Radius by angle (N_ANGLES,) of a flat cell with protrusions."""
    outline = rounded_outline(
        rng, 0.75 * radius, elongation=log_uniform(rng, 1, 6), roughness=0.15
    )
    angle = np.arange(N_ANGLES) * 2 * math.pi / N_ANGLES
    tip = angle[outline.argmax()]
    for i in range(rng.integers(0, 6)):
        # Two of the protrusions lengthen the cell, the others stand anywhere.
        at = tip + i * math.pi if i < 2 else rng.uniform(0, 2 * math.pi)
        away = np.angle(np.exp(1j * (angle - at)))
        width = rng.uniform(0.07, 0.4)
        outline += radius * rng.uniform(0.2, 1.1) * np.exp(-((away / width) ** 2))
    return outline


def scatter(
    rng: Generator,
    shape: Shape,
    radii: np.ndarray,
    *,
    closeness: float,
    n_clusters: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Find places for discs, the distance of two at least ``closeness`` x their radii.

    Returns the centres (n, 2) and the radii (n,) of those that found one; clusters
    leave empty ground between them.
    """
    centres = np.empty((len(radii), 2))
    kept = np.empty(len(radii))
    n = 0
    hubs = rng.uniform(0.1, 0.9, (n_clusters, 2)) * shape
    per_cluster = len(radii) / max(n_clusters, 1)
    reach = rng.uniform(0.5, 1.2) * math.sqrt(per_cluster) * float(np.mean(radii))
    for radius in radii:
        for _ in range(8):
            if n_clusters:
                y, x = hubs[rng.integers(n_clusters)] + reach * rng.standard_normal(2)
                if not (0 < y < shape[0] and 0 < x < shape[1]):
                    continue
            else:
                y, x = rng.random(2) * shape
            squared = (centres[:n, 0] - y) ** 2 + (centres[:n, 1] - x) ** 2
            if (squared > (closeness * (kept[:n] + radius)) ** 2).all():
                centres[n], kept[n] = (y, x), radius
                n += 1
                break
    return centres[:n], kept[:n]


def paint_outlines(
    shape: Shape,
    centres: np.ndarray,
    outlines: list[np.ndarray],
    *,
    is_upper_whole: bool = False,
) -> np.ndarray:
    """Labels (H, W) of outlines; where two overlap the relatively nearer wins.

    With ``is_upper_whole`` the later one lies upon the earlier.
    """
    labels = np.zeros(shape, np.int32)
    nearest = np.full(shape, np.inf)
    for i, ((y, x), outline) in enumerate(zip(centres, outlines, strict=True), 1):
        reach = float(outline.max()) + 1
        window = tuple(
            slice(max(0, int(c - reach)), max(0, min(side, int(c + reach) + 2)))
            for c, side in zip((y, x), shape, strict=True)
        )
        down = np.arange(window[0].start, window[0].stop)[:, None] - y
        across = np.arange(window[1].start, window[1].stop)[None] - x
        angle = np.arctan2(down, across) * (N_ANGLES / (2 * math.pi))
        ratio = np.hypot(down, across) / outline[angle.astype(int) % N_ANGLES]
        is_mine = ratio < (1 if is_upper_whole else np.minimum(nearest[window], 1))
        nearest[window][is_mine] = ratio[is_mine]
        labels[window][is_mine] = i
    return labels


def grow_curves(
    shape: Shape, curves: list[np.ndarray], radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Thicken curves (n, 2) to labels; one EDT, so that neighbours meet half-way.

    Returns the labels (H, W) and the distance to the nearest curve (H, W), in units of
    its radius.
    """
    seeds = np.zeros(shape, np.int32)
    for i, curve in enumerate(curves, 1):
        at = np.rint(curve).astype(int)
        at = at[np.all((at >= 0) & (at < shape), axis=1)]
        seeds[at[:, 0], at[:, 1]] = i
    if not seeds.any():
        return seeds, np.full(shape, np.inf)
    distance, nearest = distance_transform_edt(seeds == 0, return_indices=True)
    ids = seeds[nearest[0], nearest[1]]
    ratio = distance / np.concatenate([[1], radii])[ids]
    return np.where(ratio < 1, ids, 0).astype(np.int32), ratio


def draw_curve(
    rng: Generator, start: np.ndarray, length: float, *, wiggle: float
) -> np.ndarray:
    """Points (n, 2), half a pixel apart, of a curve whose direction drifts."""
    n = max(2, int(2 * length))
    turns = np.convolve(rng.normal(0, wiggle, n + 30), np.ones(31) / 31, "valid")
    direction = rng.uniform(0, 2 * math.pi) + np.cumsum(turns)
    steps = 0.5 * np.stack([np.sin(direction), np.cos(direction)], axis=1)
    return np.asarray(start + np.cumsum(steps, axis=0))


def tile(shape: Shape, centres: np.ndarray) -> np.ndarray:
    """Voronoi cells of centres, as labels without ground."""
    radii = np.full(len(centres), np.inf)
    return grow_curves(shape, [centre[None] for centre in centres], radii)[0]


def warp(rng: Generator, labels: np.ndarray, scale: float, amount: float) -> np.ndarray:
    """Displace pixels smoothly by about ``amount``, to curve every border."""
    height, width = labels.shape
    down, across = (smooth_noise(rng, (height, width), scale) for _ in range(2))
    rows = np.clip(np.rint(np.arange(height)[:, None] + amount * down), 0, height - 1)
    columns = np.clip(np.rint(np.arange(width) + amount * across), 0, width - 1)
    return np.asarray(labels[rows.astype(int), columns.astype(int)])


def keep_whole(labels: np.ndarray) -> np.ndarray:
    """Keep the largest piece of each object; renumber; drop specks and the surplus."""
    pieces = label(labels, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    areas = np.bincount(pieces.ravel())
    owner = np.zeros(len(areas), int)
    owner[pieces.ravel()] = labels.ravel()
    order = np.argsort(-areas[1:], kind="stable") + 1
    _, first = np.unique(owner[order], return_index=True)
    kept = order[np.sort(first)]
    kept = kept[areas[kept] >= MIN_AREA][:MAX_OBJECTS]
    table = np.zeros(len(areas), np.int32)
    table[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(table[pieces])


def edge_distance(labels: np.ndarray) -> np.ndarray:
    """Distance to the nearest pixel of another object or of the ground; 0 on ground."""
    is_edge = np.zeros(labels.shape, bool)
    is_edge[0, 0] = True  # the transform needs at least one
    for axis in (0, 1):
        one, other = np.moveaxis(is_edge, axis, 0), np.moveaxis(labels, axis, 0)
        differs = other[1:] != other[:-1]
        one[1:] |= differs
        one[:-1] |= differs
    inside = distance_transform_edt((labels > 0) & ~is_edge) + 0.5
    return np.asarray(inside * (labels > 0), np.float32)


def per_object(
    rng: Generator, labels: np.ndarray, low: float, high: float
) -> np.ndarray:
    """Give each object a number of its own, log-uniform, as an image; 0 on ground."""
    values = np.exp(rng.uniform(math.log(low), math.log(high), int(labels.max()) + 1))
    values[0] = 0
    return np.asarray(values[labels], np.float32)
