"""What the dense heads learn, from labels at low resolution; on any device."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

TOKEN = 4  # low-resolution pixels per token
_MAX_DEPTH = 40


class ObjectTable(NamedTuple):
    """Of all objects of a batch, (B, n + 1), 0 being the ground: area and centre."""

    area: Tensor
    y: Tensor
    x: Tensor


@dataclass(frozen=True)
class Targets:
    """Low-resolution truth (B, h, w) of the crops of a batch.

    ``foreground``, ``boundary`` and ``centre``, a bump of height 1 about the object's
    centre, of 0 to 1; ``offset`` (B, 2, h, w) to that centre in pixels; ``weight`` one
    over the object's diameter.
    """

    foreground: Tensor
    boundary: Tensor
    centre: Tensor
    offset: Tensor
    weight: Tensor


def measure_objects(labels: Tensor) -> ObjectTable:
    """Areas and centres of the objects in labels (B, h, w), 1 to n in each crop."""
    n_crops, height, width = labels.shape
    n = int(labels.max()) + 1
    crop = torch.arange(n_crops, device=labels.device)[:, None, None]
    flat = (labels.long() + n * crop).flatten()
    y = torch.arange(height, device=labels.device, dtype=torch.float32)
    x = torch.arange(width, device=labels.device, dtype=torch.float32)
    sums = []
    for values in (torch.ones_like(y)[:, None], y[:, None], x):
        spread = values.expand(n_crops, height, width).flatten()
        of_objects = torch.zeros(n_crops * n, device=labels.device)
        sums.append(of_objects.index_add_(0, flat, spread).view(n_crops, n))
    area = sums[0]
    safe = area.clamp(min=1)
    return ObjectTable(area, sums[1] / safe, sums[2] / safe)


def make_targets(labels: Tensor, objects: ObjectTable) -> Targets:
    """Compute the truth of crops from their labels (B, h, w)."""
    height, width = labels.shape[-2:]
    index = labels.long().flatten(1)

    def spread(values: Tensor) -> Tensor:
        """Give every pixel the value of its object."""
        return values.gather(1, index).view(labels.shape)

    foreground = labels > 0
    y = torch.arange(height, device=labels.device, dtype=torch.float32)[:, None]
    x = torch.arange(width, device=labels.device, dtype=torch.float32)
    offset = torch.stack([spread(objects.y) - y, spread(objects.x) - x], 1)
    offset = offset * foreground[:, None]
    diameter = spread(2 * (objects.area.clamp(min=1) / math.pi).sqrt())
    sigma = (0.12 * diameter).clamp(min=1)
    centre = (-offset.square().sum(1) / (2 * sigma.square())).exp() * foreground
    return Targets(
        foreground.float(),
        borders(labels).float(),
        centre,
        offset,
        foreground / diameter.clamp(min=3),
    )


def borders(labels: Tensor) -> Tensor:
    """Pixels (B, h, w) of objects that have another object or ground beside them."""
    values = labels.float()[:, None]
    highest = functional.max_pool2d(values, 3, 1, 1)
    lowest = -functional.max_pool2d(-values, 3, 1, 1)
    return (highest != lowest)[:, 0] & (labels > 0)


def depths(masks: Tensor) -> Tensor:
    """How deep inside of masks (N, h, w) their pixels lie, 0 outside, at most 40.

    Counts erosions by a square and a cross in turn, which together are nearly a disk.
    What lies beyond the crop is outside.
    """
    left = functional.pad(masks.float(), (1, 1, 1, 1))[:, None]
    depth = left.clone()
    for k in range(1, _MAX_DEPTH):
        if k % 2:
            left = -functional.max_pool2d(-left, 3, 1, 1)
        else:
            left = torch.minimum(
                -functional.max_pool2d(-left, (3, 1), 1, (1, 0)),
                -functional.max_pool2d(-left, (1, 3), 1, (0, 1)),
            )
        if not left.any():
            break
        depth += left
    return depth[:, 0, 1:-1, 1:-1]
