"""From the low-resolution logits of one mask to its pixels in the plane.

A plane pixel is a weighted mean of low-resolution pixels. It can exceed a threshold
only where one of them does, so everything outside of their support is left out: the
result is the same as that of upscaling the whole plane, at a fraction of the work.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import Box, FrameGeometry

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


def threshold_box(
    logits: FloatArray, geometry: FrameGeometry, threshold: float
) -> Box | None:
    """Plane box outside of which no upscaled logit exceeds a threshold.

    Parameters
    ----------
    logits : ndarray
        (L, L) low-resolution logits.
    geometry : FrameGeometry
        Of the plane.
    threshold : float
        Logit above which a pixel belongs to the mask.

    Returns
    -------
    tuple of int or None
        Half-open (y0, x0, y1, x1) in plane pixels, not tight; None when the mask is
        empty.
    """
    low_res_size = logits.shape[-1]
    height, width = geometry.low_res_shape(low_res_size)
    # The padding next to the plane still weighs in on its last pixels.
    height, width = min(height + 1, low_res_size), min(width + 1, low_res_size)
    tight = bounding_box(logits[:height, :width] > threshold)
    if tight is None:
        return None
    y0, x0, y1, x1 = geometry.support_box(tight, low_res_size)
    return None if y0 == y1 else (y0, x0, y1, x1)


def mask_in_plane(
    logits: FloatArray, geometry: FrameGeometry, threshold: float = 0.0
) -> tuple[Box, BoolArray] | None:
    """Upscale one mask and crop it tightly.

    Parameters
    ----------
    logits : ndarray
        (L, L) low-resolution logits.
    geometry : FrameGeometry
        Of the plane.
    threshold : float
        Logit above which a pixel belongs to the mask.

    Returns
    -------
    tuple or None
        Tight half-open box in plane pixels and the mask inside of it; None when the
        mask is empty.
    """
    wide = threshold_box(logits, geometry, threshold)
    if wide is None:
        return None
    return crop_tightly(geometry.low_res_to_plane(logits, wide) > threshold, wide)


def stable_mask_in_plane(
    logits: FloatArray,
    geometry: FrameGeometry,
    *,
    threshold: float = 0.0,
    offset: float = 1.0,
    order: Literal["C", "F"] = "C",
) -> tuple[Box, BoolArray, float] | None:
    """Upscale one mask together with its stability score.

    The stability score is the IoU between the mask thresholded high and low: pixels
    above ``threshold + offset`` over pixels above ``threshold - offset`` (SAM's
    automatic mask generator). A mask that is to be run-length coded takes less time
    column by column, ``order="F"``.

    Returns
    -------
    tuple or None
        Tight box, mask inside of it, stability score in 0..1; None when the mask is
        empty.
    """
    wide = threshold_box(logits, geometry, threshold - offset)
    if wide is None:
        return None
    upscaled = geometry.low_res_to_plane(logits, wide, order)
    cropped = crop_tightly(upscaled > threshold, wide)
    if cropped is None:
        return None
    n_high = np.count_nonzero(upscaled > threshold + offset)
    n_low = np.count_nonzero(upscaled > threshold - offset)
    return *cropped, n_high / n_low


def crop_tightly(mask: BoolArray, box: Box) -> tuple[Box, BoolArray] | None:
    """Shrink a mask and its half-open plane box to the pixels that are set."""
    tight = bounding_box(mask)
    if tight is None:
        return None
    y0, x0, y1, x1 = tight
    top, left = box[:2]
    # Not a view, which would keep all of it; in the order that it has.
    cropped = mask[y0:y1, x0:x1].copy(order="K")
    return (top + y0, left + x0, top + y1, left + x1), cropped


def bounding_box(mask: BoolArray) -> Box | None:
    """Half-open (y0, x0, y1, x1) around the set pixels; None when there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
