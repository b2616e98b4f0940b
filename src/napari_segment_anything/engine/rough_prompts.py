"""Masks in the plane as mask prompts of the window that answers them."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import Box, FrameGeometry
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts

# Logits inside and outside, as sure as those that a decoder gives.
_SURE = 8.0


def with_rough_masks(
    prompts: Prompts,
    rough: MaskSet,
    window: Box,
    geometry: FrameGeometry,
    low_res_size: int,
) -> Prompts:
    """Add mask prompts to those of a window.

    Parameters
    ----------
    prompts : Prompts
        Of N objects.
    rough : MaskSet
        N masks in plane pixels.
    window : tuple of int
        Half-open box of the plane that the window shows.
    geometry : FrameGeometry
        Of the window.
    low_res_size : int
        Side of the model's low-resolution masks.
    """
    logits = [
        _logits(rough, i, window, geometry, low_res_size) for i in range(len(rough))
    ]
    return replace(prompts, masks=np.stack(logits))


def _logits(
    rough: MaskSet, i: int, window: Box, geometry: FrameGeometry, low_res_size: int
) -> npt.NDArray[np.float32]:
    (top, left), (bottom, right) = (
        np.maximum(rough.boxes[i, :2], window[:2]),
        np.minimum(rough.boxes[i, 2:], window[2:]),
    )
    if top >= bottom or left >= right:
        return np.full((low_res_size, low_res_size), -_SURE, np.float32)
    y0, x0 = rough.boxes[i, :2]
    part = rough.masks[i][top - y0 : bottom - y0, left - x0 : right - x0]
    box = (
        int(top - window[0]),
        int(left - window[1]),
        int(bottom - window[0]),
        int(right - window[1]),
    )
    covered = geometry.plane_to_low_res(part, box, low_res_size)
    return ((2 * covered - 1) * _SURE).astype(np.float32)
