"""Random crops of planes, geometrically and photometrically augmented."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_segment_anything.engine.working_scale import PROMPTED_DIAMETER

from .planes import Plane

FRAME_SIZE = 512
CROP_SIZE = 256
STRIDE = 2  # frame pixels per low-resolution pixel
DIAMETER_RANGE = (9.0, 130.0)
# Part of the crops at the scale of windows, in which large planes are looked at; small
# planes are looked at as a whole.
WORKING_SHARE = 0.75
_MARGIN = 16  # pixels of a plane about what a crop shows of it


@dataclass(frozen=True)
class Crop:
    """One crop of side S frame pixels.

    ``image`` uint8 (3, S, S) with ``is_inside`` bool (S, S); ``labels`` int16
    (S / 2, S / 2) at low resolution, 1 to n without gaps; ``origin`` int64 (2,), frame
    position of its corner (y, x) in tokens.
    """

    image: Tensor
    is_inside: Tensor
    labels: Tensor
    origin: Tensor


def _choose_scale(plane: Plane, generator: np.random.Generator, jitter: float) -> float:
    scale = FRAME_SIZE / max(plane.labels.shape)
    if generator.random() < WORKING_SHARE:
        scale = PROMPTED_DIAMETER / max(plane.median_diameter, 1)
        scale *= 2 ** (jitter * float(np.clip(generator.normal(0, 0.6), -1.3, 1.3)))
    else:
        scale *= 2 ** (generator.uniform(-0.7, 0.5) * jitter)
    low, high = (d / max(plane.median_diameter, 1) for d in DIAMETER_RANGE)
    return float(np.clip(scale, low, high))


def cut_crop(
    plane: Plane,
    generator: np.random.Generator,
    *,
    augment: bool = True,
    changed_share: float = 1.0,
) -> Crop:
    """Cut one crop near a random object; without ``augment`` only its place varies.

    ``changed_share`` of the crops have their intensities changed, too.
    """
    scale = _choose_scale(plane, generator, 1.0 if augment else 0.0)
    reach = CROP_SIZE / scale * 0.35
    centre = _pixel_of_an_object(plane, generator) + generator.uniform(-reach, reach, 2)
    # Little of a crop should lie outside the plane.
    half = min(CROP_SIZE / scale / 2, *(0.5 * np.array(plane.labels.shape)))
    centre = np.clip(centre, half, np.array(plane.labels.shape) - half)
    angle, flip, stretch = 0.0, 1.0, 1.0
    if augment:
        angle = generator.integers(4) * math.pi / 2
        if generator.random() < 0.4:
            angle += generator.uniform(-math.pi / 4, math.pi / 4)
        flip = generator.choice([-1.0, 1.0])
        stretch = math.exp(generator.uniform(-0.15, 0.15))
    # From crop pixels about the middle to plane pixels about the centre.
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    matrix = turn @ np.diag([stretch / scale, flip / stretch / scale])
    image = _sample(plane.image, matrix, centre, CROP_SIZE, 1, "bilinear")
    labels = _sample(
        plane.labels, matrix, centre, CROP_SIZE // STRIDE, STRIDE, "nearest"
    )
    tensor, inside = image[:3], image[3] > 0.5
    if augment and generator.random() < changed_share:
        tensor = _augment_intensity(tensor, generator)
    n_tokens = (FRAME_SIZE - CROP_SIZE) // 8
    return Crop(
        tensor.clamp(0, 255).round().to(torch.uint8),
        inside,
        _without_gaps(labels[0].round().to(torch.int64)),
        torch.from_numpy(generator.integers(0, n_tokens + 1, 2)),
    )


def _pixel_of_an_object(plane: Plane, generator: np.random.Generator) -> np.ndarray:
    """Choose an object, and a pixel (y, x) of it."""
    chosen = int(generator.choice(plane.ids))
    y, x = plane.boxes[chosen - 1]
    rows, columns = np.nonzero(plane.labels[y, x] == chosen)
    at = generator.integers(len(rows))
    return np.array([y.start + rows[at], x.start + columns[at]])


def _without_gaps(labels: Tensor) -> Tensor:
    """Renumber the objects that a crop shows from 1."""
    ids, dense = torch.unique(labels, return_inverse=True)
    return (dense + int(ids[0] != 0)).to(torch.int16)


def _sample(
    array: np.ndarray,
    matrix: np.ndarray,
    centre: np.ndarray,
    side: int,
    step: int,
    mode: str,
) -> Tensor:
    """Sample an affine crop; images get a fourth channel, 1 inside the plane."""
    # From -1..1 in the crop to plane pixels about the centre.
    matrix = matrix * (side * step / 2)
    # Convert no more than is seen, and what lies about it; planes may be large.
    shape = np.array(array.shape[:2])
    reach = np.abs(matrix).sum(1)
    low = np.clip(np.floor(centre - reach).astype(int) - _MARGIN, 0, shape - 1)
    high = np.clip(np.ceil(centre + reach).astype(int) + _MARGIN, low + 1, shape)
    seen = array[low[0] : high[0], low[1] : high[1]]
    source = torch.from_numpy(np.array(np.atleast_3d(seen))).permute(2, 0, 1).float()
    factor = 1
    if mode == "bilinear":
        source = torch.cat([source, torch.ones_like(source[:1])])
        shrink = float(np.abs(np.linalg.det(matrix)) ** 0.5) * 2 / (side * step)
        if shrink > 1.5:  # anti-alias
            factor = round(shrink)
            source = functional.avg_pool2d(source, factor, ceil_mode=True)
    unit = 2 / (np.array(source.shape[-2:]) * factor)
    to_unit = np.column_stack([matrix * unit[:, None], (centre - low + 0.5) * unit - 1])
    theta_xy = torch.from_numpy(to_unit[::-1][:, [1, 0, 2]].copy()).float()
    grid_xy = functional.affine_grid(
        theta_xy[None], [1, 1, side, side], align_corners=False
    )
    return functional.grid_sample(
        source[None], grid_xy, mode=mode, padding_mode="zeros", align_corners=False
    )[0]


def _augment_intensity(image: Tensor, generator: np.random.Generator) -> Tensor:
    x = image / 255
    chance = generator.random(8)
    if chance[0] < 0.3:  # grey
        weights = torch.from_numpy(generator.dirichlet(np.ones(3))).float()
        x = (x * weights[:, None, None]).sum(0, keepdim=True).expand(3, -1, -1)
    elif chance[0] < 0.5:
        x = x[torch.from_numpy(generator.permutation(3))]
    if chance[1] < 0.12:
        x = 1 - x
    if chance[2] < 0.6:
        x = x.clamp(0, 1) ** math.exp(generator.uniform(-0.6, 0.6))
    if chance[3] < 0.6:
        x = (x - 0.5) * math.exp(generator.uniform(-0.5, 0.3)) + 0.5
        x = x + generator.uniform(-0.12, 0.12)
    if chance[4] < 0.25:
        size = int(generator.choice([3, 5]))
        x = functional.avg_pool2d(
            functional.pad(x[None], (size // 2,) * 4, mode="reflect"), size, 1
        )[0]
    if chance[5] < 0.4:
        noise = torch.from_numpy(generator.standard_normal(x.shape[-2:])).float()
        x = x + noise * generator.uniform(0, 0.1)
    if chance[6] < 0.25:  # uneven illumination
        ramp = torch.linspace(-1, 1, x.shape[-1]) * generator.uniform(-0.25, 0.25)
        axis = ramp[None, :] if chance[7] < 0.5 else ramp[:, None]
        x = x * (1 + axis)
    return x.clamp(0, 1) * 255
