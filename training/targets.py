"""What the dense heads learn, from a label image at low resolution."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TOKEN = 4  # low-resolution pixels per token


@dataclass(frozen=True)
class Targets:
    """Low-resolution truth (h, w) of one crop.

    ``labels`` 1..n without gaps, ``offset`` (2, h, w) to the object's centre in pixels,
    ``centre`` a bump of height 1 about it, ``weight`` (h, w) one over the object's
    diameter, ``depth`` the distance to the object's border.
    """

    labels: np.ndarray
    boundary: np.ndarray
    centre: np.ndarray
    offset: np.ndarray
    weight: np.ndarray
    depth: np.ndarray
    areas: np.ndarray


def make_targets(labels: np.ndarray) -> Targets:
    """Compute the truth of one crop."""
    ids, flat = np.unique(labels, return_inverse=True)
    dense = flat.reshape(labels.shape)
    if ids[0] != 0:
        dense = dense + 1
    n = int(dense.max())
    areas = np.bincount(dense.ravel(), minlength=n + 1).astype(np.float32)
    y, x = np.indices(labels.shape, dtype=np.float32)
    safe = np.maximum(areas, 1)
    cy = np.bincount(dense.ravel(), y.ravel(), n + 1) / safe
    cx = np.bincount(dense.ravel(), x.ravel(), n + 1) / safe
    is_object = dense > 0
    offset = np.stack([cy[dense] - y, cx[dense] - x]) * is_object
    diameter = 2 * np.sqrt(safe / np.pi)
    sigma = np.maximum(0.12 * diameter, 1.0)[dense]
    centre = np.exp(-(offset**2).sum(0) / (2 * sigma**2)) * is_object
    highest = ndimage.maximum_filter(dense, 3)
    lowest = ndimage.minimum_filter(dense, 3)
    boundary = (highest != lowest) & is_object
    depth = ndimage.distance_transform_edt(np.pad(is_object & ~boundary, 1))[1:-1, 1:-1]
    weight = is_object / np.maximum(diameter, 3)[dense]
    return Targets(
        dense.astype(np.int32),
        boundary.astype(np.float32),
        centre.astype(np.float32),
        offset.astype(np.float32),
        weight.astype(np.float32),
        depth.astype(np.float32),
        areas[1:],
    )
