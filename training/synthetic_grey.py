"""Grey kinds of synthetic planes: each draws labels, then an image of them."""

import math

import numpy as np

from .synthetic_light import (
    blur,
    dome,
    expose,
    granules,
    specks,
    uneven_light,
)
from .synthetic_shapes import (
    Generator,
    Shape,
    edge_distance,
    keep_whole,
    log_uniform,
    paint_outlines,
    per_object,
    rounded_outline,
    scatter,
    smooth_noise,
    spread_outline,
    tile,
    warp,
)

ImageAndLabels = tuple[np.ndarray, np.ndarray]


def _radii(
    rng: Generator, shape: Shape, radius: float, *, variation: float = 0.25
) -> np.ndarray:
    """Radii of as many objects as fill a random share of the plane."""
    n = log_uniform(rng, 0.08, 1.2) * shape[0] * shape[1] / (math.pi * radius**2)
    n = int(np.clip(n, 3, 150))
    return np.asarray(radius * np.exp(rng.normal(0, variation, n)))


def draw_blobs(
    rng: Generator,
    shape: Shape,
    radius: float,
    *,
    closeness: float,
    roughness: float = 0.06,
    elongation: float = 1.8,
) -> np.ndarray:
    """Labels of rounded objects, in clusters or everywhere."""
    radii = _radii(rng, shape, radius)
    n_clusters = int(rng.integers(1, 7)) if rng.random() < 0.4 else 0
    centres, radii = scatter(
        rng, shape, radii, closeness=closeness, n_clusters=n_clusters
    )
    longest = rng.uniform(1.1, elongation)
    outlines = [
        rounded_outline(rng, r, elongation=rng.uniform(1, longest), roughness=roughness)
        for r in radii
    ]
    return paint_outlines(shape, centres, outlines)


def phase_contrast(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Flat cells with protrusions and round bright ones, each with a halo."""
    side = min(shape)
    radius = side * log_uniform(rng, 0.018, 0.1)
    share_round = rng.choice([0, 0.15, 0.5, 1])
    centres, radii = scatter(
        rng, shape, _radii(rng, shape, radius), closeness=rng.uniform(0.6, 1.3)
    )
    is_round = rng.random(len(radii)) < share_round
    outlines = [
        rounded_outline(rng, 0.7 * r, elongation=rng.uniform(1, 1.3), roughness=0.03)
        if alone
        else spread_outline(rng, r)
        for r, alone in zip(radii, is_round, strict=True)
    ]
    flat = paint_outlines(shape, centres, outlines)
    bent = warp(rng, flat, 2.5 * radius, rng.uniform(0, 0.25) * radius)
    owner = np.zeros(len(radii) + 1, bool)
    owner[1:] = is_round
    labels = keep_whole(np.where(owner[flat], flat, np.where(owner[bent], 0, bent)))
    is_ball = owner[flat] & (labels > 0)

    grain = log_uniform(rng, 1.2, 3)
    distance = edge_distance(labels)
    depth = 1 - np.exp(-distance / (rng.uniform(0.1, 0.5) * radius))
    depth *= per_object(rng, labels, 0.4, 1.6)
    organelles = granules(rng, shape, grain) * rng.uniform(0.15, 0.6)
    organelles += specks(rng, shape, share=0.01, size=grain) * rng.uniform(-1.5, 2.5)
    nucleus = np.clip(distance / (0.35 * radius) - 1, 0, 1) * (1 + organelles)
    body = -rng.uniform(0.6, 1.3) * depth * (1 + organelles)
    body += nucleus * rng.uniform(-0.6, 0.5)
    rim = np.exp(-(((distance - 0.5) / (0.05 * radius + 1)) ** 2))
    ball = rng.uniform(0.2, 1.6) + organelles * rng.uniform(0, 0.8)
    ball -= rng.uniform(1, 3) * rim
    body = np.where(is_ball, ball, body)
    # A phase ring turns what is wide into a halo, brightest right outside of the edge.
    strength = np.where(is_ball, rng.uniform(0.7, 2), depth + 0.3 * (labels > 0))
    near = blur(strength, 0.06 * radius + 1) * rng.uniform(0.8, 2.5)
    far = blur(strength, rng.uniform(0.3, 1) * radius) * rng.uniform(0.2, 1)
    halo = (near + far) * (1 - 0.95 * (labels > 0))
    debris = specks(rng, shape, share=log_uniform(rng, 1e-5, 5e-4), size=1.5)
    contrast = log_uniform(rng, 0.04, 0.3)
    image = body + halo - debris * rng.uniform(-0.5, 1)
    image += rng.uniform(0.02, 0.12) * granules(rng, shape, rng.uniform(1, 4))
    light = uneven_light(rng, shape, rng.uniform(0, contrast))
    image = 0.5 * light + contrast * image
    return expose(rng, image, blur_up_to=1.2, noise=0.4 * contrast), labels


def relief(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Large touching cells under differential interference contrast."""
    diameter = min(shape) * rng.uniform(0.11, 0.24)
    is_confluent = rng.random() < 0.5
    if is_confluent:  # with gaps
        n = int(np.clip(1.5 * shape[0] * shape[1] / diameter**2, 4, 150))
        centres, _ = scatter(rng, shape, np.full(n, diameter / 2), closeness=0.75)
        labels = tile(shape, centres)
        gaps = rng.random(labels.max() + 1) < rng.choice([0, 0.15, 0.4])
        labels = np.where(gaps[labels], 0, labels)
        labels = warp(rng, labels, 0.7 * diameter, 0.08 * diameter)
    else:
        labels = draw_blobs(rng, shape, diameter / 2, closeness=0.75, roughness=0.09)
    fringe = log_uniform(rng, 4, 12)
    labels = keep_whole(warp(rng, labels, fringe, rng.uniform(0, 0.15) * fringe))

    distance = edge_distance(labels)
    step = 1 - np.exp(-distance / rng.uniform(1, 6))
    swell = blur(np.minimum(distance / (0.35 * diameter), 1), 0.06 * diameter)
    height = per_object(rng, labels, 0.5, 2)
    thickness = height * (step * rng.uniform(0.2, 2) + swell * rng.uniform(0, 8))
    core = np.clip((distance / diameter - rng.uniform(0.1, 0.2)) * 12, 0, 1)
    nucleus = blur(core, 0.03 * diameter)
    thickness += nucleus * rng.uniform(-2, 4)
    grain = log_uniform(rng, 1.0, 2.5)
    cytoplasm = blur((labels > 0) * (1 - rng.uniform(0.2, 0.9) * nucleus), 1)
    texture = granules(rng, shape, grain) * log_uniform(rng, 0.5, 2)
    texture += specks(rng, shape, share=0.003, size=1.7) * rng.uniform(-3, 5)
    thickness += cytoplasm * texture
    thickness += nucleus * specks(rng, shape, share=4e-4, size=3) * rng.uniform(1, 5)
    thickness += granules(rng, shape, 2 * grain) * rng.uniform(0.02, 0.15)
    down, across = np.gradient(blur(thickness, rng.uniform(0.5, 1.2)))
    angle = rng.uniform(0, 2 * math.pi)
    shade = math.sin(angle) * down + math.cos(angle) * across
    shade = np.clip(shade / (shade.std() + 1e-6), -6, 6)
    # Edges are a little darker than by shading alone; round cells are bright within.
    limit = 1 if is_confluent else rng.choice([0.4, 1])
    is_ball = per_object(rng, labels, 0.01, 1) > limit
    edge = np.exp(-(((distance - 0.5) / 2.5) ** 2)) * (labels > 0)
    shade += is_ball * (2.5 - 7 * edge) - rng.uniform(0, 0.8) * edge
    shade += (labels > 0) * rng.uniform(-0.4, 0.4)
    contrast = log_uniform(rng, 0.02, 0.12)
    image = 0.5 * uneven_light(rng, shape, rng.uniform(0, 0.06)) + contrast * shade
    return expose(rng, image, blur_up_to=1, noise=0.8 * contrast), labels


def fluorescent_nuclei(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Nuclei that touch and divide, of very uneven brightness, some out of focus."""
    side = min(shape)
    is_crowd = rng.random() < 0.4
    radius = rng.uniform(4, 10) if is_crowd else side * log_uniform(rng, 0.02, 0.1)
    radii = _radii(rng, shape, radius, variation=0.2)
    n_clusters = int(rng.integers(1, 9)) if rng.random() < 0.4 + 0.4 * is_crowd else 0
    centres, radii = scatter(
        rng, shape, radii, closeness=rng.uniform(0.6, 1.05), n_clusters=n_clusters
    )
    roughness = rng.uniform(0, 0.09)
    places, outlines, glow = [], [], [0.0]
    share_dividing = rng.uniform(0, 0.3)
    spread = math.log(rng.uniform(1.2, 10)) / 2
    for centre, r in zip(centres, radii, strict=True):
        shine = math.exp(rng.uniform(-spread, spread))
        if rng.random() >= share_dividing:
            longest = rng.choice([1.2, 1.8, 2.5])
            parts = [(centre, r, rng.uniform(1, longest))]
        elif rng.random() < 0.3:  # a metaphase plate
            shine *= 2
            parts = [(centre, 0.6 * r, rng.uniform(2.5, 4))]
        else:  # two daughters
            way = rng.uniform(0, 2 * math.pi)
            step = np.array([math.sin(way), math.cos(way)]) * r * rng.uniform(0.5, 0.9)
            parts = [
                (centre + s * step, 0.65 * r, rng.uniform(1, 1.7)) for s in (-1, 1)
            ]
        for place, size, elongation in parts:
            places.append(place)
            glow.append(shine)
            outlines.append(
                rounded_outline(rng, size, elongation=elongation, roughness=roughness)
            )
    painted = paint_outlines(
        shape, np.array(places), outlines, is_upper_whole=rng.random() < 0.3
    )
    painted[np.isin(painted, 1 + np.arange(150, len(places)))] = 0
    labels = keep_whole(painted)
    brightness = np.where(labels > 0, np.array(glow, np.float32)[painted], 0)

    grain = max(1.2, radius * rng.uniform(0.12, 0.4))
    chromatin = granules(rng, shape, grain) * rng.uniform(0, 0.4)
    nucleoli = specks(rng, shape, share=0.3 / radius**2, size=0.2 * radius + 0.5)
    chromatin -= nucleoli * rng.uniform(-0.3, 0.5)
    image = brightness * np.maximum(1 + chromatin, 0.15)
    image *= 0.35 + 0.65 * dome(labels, rng.uniform(0.05, 0.5) * radius)
    haze = blur(image, rng.uniform(0.5, 2) * radius) * rng.uniform(0, 0.5)
    lost = np.maximum(smooth_noise(rng, shape, 3 * radius) - 1.5, 0)  # other planes
    image += haze + lost * rng.choice([0, 0.05, 0.2])
    image += rng.uniform(0, 0.15) * uneven_light(rng, shape, rng.uniform(0, 0.5))
    image = image / max(float(np.percentile(image, 99)), 1e-3)
    return expose(rng, image * log_uniform(rng, 0.2, 1)), labels


def cell_tiling(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Cells that tile the plane, with bright outlines or bright inside."""
    size = min(shape) * log_uniform(rng, 0.045, 0.25)
    n = int(np.clip(2 * shape[0] * shape[1] / size**2, 5, 150))
    centres, _ = scatter(
        rng, shape, np.full(n, size / 2), closeness=rng.uniform(0.3, 0.95)
    )
    labels = tile(shape, centres)
    gaps = rng.random(labels.max() + 1) < rng.choice([0, 0, 0.1, 0.4])
    wave = rng.uniform(0.35, 1)
    labels = warp(rng, labels, wave * size, rng.uniform(0, 0.2) * wave * size)
    wall_distance = edge_distance(labels)
    labels = keep_whole(np.where(gaps[labels], 0, labels))

    width = log_uniform(rng, 0.8, 0.06 * size + 1)
    wall = np.exp(-(((wall_distance - 0.5) / width) ** 2)) * (wall_distance > 0)
    wall *= blur((labels > 0).astype(np.float32), 2) > 0.02
    wall *= np.maximum(
        1 + rng.uniform(0, 0.5) * smooth_noise(rng, shape, 0.7 * size), 0
    )
    if rng.random() < 0.4:  # walls thick enough to be ground
        labels = keep_whole(np.where(wall_distance > 0.8 * width, labels, 0))
    filling = (labels > 0) * per_object(rng, labels, 0.5, rng.uniform(0.5, 2))
    filling *= np.maximum(1 + rng.uniform(0, 0.4) * granules(rng, shape, 1.5), 0)
    nucleus = np.clip((wall_distance / size - rng.uniform(0.15, 0.3)) * 15, 0, 1)
    nucleus = blur(nucleus, 0.06 * size)
    filling *= 1 + rng.choice([0, 0, -0.6, 1.5]) * nucleus
    if rng.random() < 0.6:
        image = wall + rng.uniform(0, 0.4) * filling
    else:
        image = np.maximum(filling - rng.uniform(0.3, 1) * wall, 0)
    image = image + rng.uniform(0, 0.3) * uneven_light(rng, shape, 0.3)
    image += blur(image, 0.3 * size) * rng.uniform(0, 0.4)
    image = image * uneven_light(rng, shape, rng.uniform(0, 0.25))
    return expose(rng, image * log_uniform(rng, 0.3, 1)), labels


def electron(rng: Generator, shape: Shape) -> ImageAndLabels:
    """Bodies of many sizes with dark membranes, organelles inside."""
    size = min(shape) * log_uniform(rng, 0.05, 0.16)
    n = int(np.clip(shape[0] * shape[1] / size**2, 8, 150))
    hubs = rng.uniform(0, 1, (5, 2)) * shape
    small = hubs[rng.integers(5, size=n // 2)] + rng.normal(0, 1.2 * size, (n // 2, 2))
    centres = np.concatenate([rng.uniform(0, 1, (n - n // 2, 2)) * shape, small])
    labels = tile(shape, np.clip(centres, 0, np.array(shape) - 1))
    labels = warp(rng, labels, 2 * size, rng.uniform(0.1, 0.35) * size)
    labels = warp(rng, labels, 0.5 * size, rng.uniform(0, 0.06) * size)
    distance = edge_distance(labels)
    width = log_uniform(rng, 1, 3)
    membrane = np.exp(-((distance / width) ** 2)) * rng.uniform(0.4, 0.8)

    image = 0.75 * per_object(rng, labels, 0.75, 1.25)
    plasma = granules(rng, shape, log_uniform(rng, 1.2, 3)) * rng.uniform(0.03, 0.2)
    image += plasma * per_object(rng, labels, 0.3, 1.5)
    bodies = draw_blobs(
        rng, shape, 0.3 * size + 2, closeness=1.3, roughness=0.08, elongation=4
    )
    # Organelles lie within the body that holds their middle, off its membrane.
    room = (bodies > 0) & (distance > 1.5 * width)
    depth = np.minimum(edge_distance(bodies), distance - 1.5 * width) * room
    tone = np.where(depth < 1.5, rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.9))
    striae = 0.1 * smooth_noise(rng, shape, 2.0, stretch=rng.uniform(1, 3))
    image = np.where(depth > 0, tone + striae, image)
    image -= specks(rng, shape, share=log_uniform(rng, 1e-4, 1e-2), size=1.5) * 0.4
    image = np.maximum(image - membrane, 0.05)
    unlabelled = rng.random(labels.max() + 1) < rng.choice([0, 0.1, 0.3])
    labels = np.where(unlabelled[labels], 0, labels)
    if rng.random() < 0.5:
        labels = np.where(distance > width, labels, 0)
    return expose(rng, image, blur_up_to=1.3), keep_whole(labels)
