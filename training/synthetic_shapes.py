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
    if scale * min(stretch, 1) < 2:
        sigma = (scale * stretch / 2, scale / 2)
        white = rng.standard_normal(shape, dtype=np.float32)
        noise = gaussian_filter(white, sigma, truncate=3)
    else:  # a coarse grid, interpolated: the same look at a fraction of the time
        down = _interpolation(shape[0], scale * stretch)
        across = _interpolation(shape[1], scale)
        grid = rng.standard_normal((down.shape[1], across.shape[1]), dtype=np.float32)
        noise = down @ grid @ across.T
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-6), np.float32)


def _interpolation(side: int, scale: float) -> np.ndarray:
    """Gaussian weights (side, n) of grid points with steps of ``scale / 2``."""
    step = scale / 2
    points = (np.arange(int(side / step) + 6) - 2.5) * step
    offset = (np.arange(side)[:, None] - points) / step
    return np.asarray(np.exp(-0.5 * (offset / 0.8) ** 2), np.float32)


def rounded_outline(
    rng: Generator, radius: float, *, elongation: float, roughness: float
) -> np.ndarray:
    """Radius by angle (N_ANGLES,) of an ellipse with a few gentle bumps."""
    angle = np.arange(N_ANGLES) * 2 * math.pi / N_ANGLES
    turned = angle + rng.uniform(0, 2 * math.pi)
    long = math.sqrt(elongation)
    outline = radius / np.hypot(np.cos(turned) / long, np.sin(turned) * long)
    for order in range(2, 7):
        phase = rng.uniform(0, 2 * math.pi)
        bump = rng.normal(0, roughness) * 2 / order
        outline *= 1 + np.clip(bump, -0.3, 0.3) * np.cos(order * angle + phase)
    return outline


def spread_outline(rng: Generator, radius: float) -> np.ndarray:
    """Radius by angle (N_ANGLES,) of a flat cell with protrusions."""
    outline = rounded_outline(
        rng, 0.8 * radius, elongation=log_uniform(rng, 1, 3), roughness=0.15
    )
    angle = np.arange(N_ANGLES) * 2 * math.pi / N_ANGLES
    for _ in range(rng.integers(1, 6)):
        away = np.angle(np.exp(1j * (angle - rng.uniform(0, 2 * math.pi))))
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
    centres = np.empty((0, 2))
    kept: list[float] = []
    side = np.array(shape, float)
    hubs = rng.uniform(0.1, 0.9, (n_clusters, 2)) * side
    reach = rng.uniform(0.08, 0.2) * side.min()
    for radius in radii:
        for _ in range(8):
            if n_clusters:
                centre = rng.normal(hubs[rng.integers(n_clusters)], reach)
                if not np.all((centre > 0) & (centre < side)):
                    continue
            else:
                centre = rng.uniform(0, 1, 2) * side
            distance = np.hypot(*(centres - centre).T)
            if np.all(distance > closeness * (np.array(kept) + radius)):
                centres = np.vstack([centres, centre])
                kept.append(float(radius))
                break
    return centres, np.array(kept)


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
    shape = labels.shape
    index = [
        np.clip(np.rint(grid + amount * smooth_noise(rng, shape, scale)), 0, side - 1)
        for grid, side in zip(np.indices(shape, sparse=True), shape, strict=True)
    ]
    return np.asarray(labels[index[0].astype(int), index[1].astype(int)])


def keep_whole(labels: np.ndarray) -> np.ndarray:
    """Keep the largest piece of each object; renumber; drop specks and the surplus."""
    pieces = label(labels, background=0, connectivity=1)
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
