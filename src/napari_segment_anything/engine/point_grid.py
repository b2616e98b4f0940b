"""Grids of points and crops of SAM's automatic mask generation."""

import math

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import Box

FloatArray = npt.NDArray[np.float64]


def build_point_grid(n_per_side: int) -> FloatArray:
    """Evenly spaced points (n², 2) as (y, x) in 0..1, half a step from the border."""
    offset = 1 / (2 * n_per_side)
    side = np.linspace(offset, 1 - offset, n_per_side)
    y, x = np.meshgrid(side, side, indexing="ij")
    return np.stack([y.ravel(), x.ravel()], axis=1)


def build_layer_grids(
    n_per_side: int, n_layers: int, downscale_factor: int
) -> list[FloatArray]:
    """One grid for the whole plane and one, thinner, for each layer of crops."""
    return [
        build_point_grid(max(1, n_per_side // downscale_factor**layer))
        for layer in range(n_layers + 1)
    ]


def points_in_plane(grid: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Scale a grid in 0..1 to the pixels of a plane or crop of this shape.

    The grid spans the area of the pixels, which reaches half a pixel beyond the centres
    of the outermost ones.
    """
    points: FloatArray = grid * np.asarray(shape) - 0.5
    return points


def crop_boxes(
    shape: tuple[int, int], n_layers: int, overlap_ratio: float
) -> list[tuple[Box, int]]:
    """Boxes of the whole plane and of 2ⁱ × 2ⁱ crops in each layer i.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the plane.
    n_layers : int
        Number of layers of crops beside the whole plane.
    overlap_ratio : float
        Overlap of neighbours in the first layer as part of the plane's shorter side;
        halved with each layer.

    Returns
    -------
    list of tuple
        Half-open boxes (y0, x0, y1, x1) and their layer, 0 for the whole plane.
    """
    height, width = shape
    boxes: list[tuple[Box, int]] = [((0, 0, height, width), 0)]
    for layer in range(1, n_layers + 1):
        n_per_side = 2**layer
        overlap = int(overlap_ratio * min(shape) * (2 / n_per_side))
        crop_height = _crop_length(height, n_per_side, overlap)
        crop_width = _crop_length(width, n_per_side, overlap)
        # Column after column, as in SAM.
        for j in range(n_per_side):
            for i in range(n_per_side):
                y0 = int((crop_height - overlap) * i)
                x0 = int((crop_width - overlap) * j)
                y1, x1 = min(y0 + crop_height, height), min(x0 + crop_width, width)
                if y0 < y1 and x0 < x1:
                    boxes.append(((y0, x0, y1, x1), layer))
    return boxes


def _crop_length(length: int, n_crops: int, overlap: int) -> int:
    return math.ceil((overlap * (n_crops - 1) + length) / n_crops)
