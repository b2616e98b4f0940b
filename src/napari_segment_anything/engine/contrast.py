"""Which intensities of a plane become black and white, and how."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.errors import InvalidImageError

ByteArray = npt.NDArray[np.uint8]

# Percentiles of a plane hardly change beyond this many pixels, the time does.
_MAX_PERCENTILE_PIXELS = 262_144
# Pixels are rescaled by so many at a time: as floats they take up to eight times the
# memory of the plane.
_STRIP_PIXELS = 2**22


def percentile_range(
    plane: npt.ArrayLike | BandedPlane, percentiles: tuple[float, float] = (0.1, 99.9)
) -> tuple[float, float]:
    """Intensities between which almost all finite pixels of a plane lie.

    Parameters
    ----------
    plane : array-like
        Pixels in any shape; NaN and infinities are left out.
    percentiles : tuple of float
        Lower and upper percentile in 0..100.

    Returns
    -------
    tuple of float
        (low, high) with ``low <= high``; (0, 1) when no pixel is finite.
    """
    pixels = plane if isinstance(plane, BandedPlane) else np.asarray(plane)
    if pixels.dtype.kind == "b":
        return 0.0, 1.0
    flat = _subsample(pixels)
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(flat.astype(np.float64), percentiles)
    if low == high:
        # Sparse bright objects can lie beyond the upper percentile.
        low, high = float(flat.min()), float(flat.max())
    return float(low), float(high)


def rescale_intensity(plane: npt.ArrayLike, low: float, high: float) -> ByteArray:
    """Map intensities from ``low..high`` to 0..255 and clip what lies outside.

    NaN becomes 0, infinities the nearest end. With ``low == high`` the image holds
    no contrast: everything above is 255, the rest 0.

    Parameters
    ----------
    plane : array-like
        Booleans, integers or floats of any shape.
    low, high : float
        Intensities that become 0 and 255.

    Returns
    -------
    ndarray
        uint8 of the same shape.

    Raises
    ------
    InvalidImageError
        When the range is not finite or runs downwards.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise InvalidImageError(
            f"The intensity range {low}..{high} is not finite and ascending; "
            "choose a low value below the high one."
        )
    pixels: npt.NDArray[Any] = np.asarray(plane)
    if pixels.dtype == np.uint8 and low == 0 and high == 255:
        return pixels
    if pixels.size <= _STRIP_PIXELS or pixels.ndim == 0:
        return _rescaled_strip(pixels, low, high)
    rescaled = np.empty(pixels.shape, np.uint8)
    n_rows = max(1, _STRIP_PIXELS * len(pixels) // pixels.size)
    for start in range(0, len(pixels), n_rows):
        strip = slice(start, start + n_rows)
        rescaled[strip] = _rescaled_strip(pixels[strip], low, high)
    return rescaled


def _rescaled_strip(pixels: npt.NDArray[Any], low: float, high: float) -> ByteArray:
    # float32 cannot hold large integers; their difference to the low end it can.
    precise = pixels.dtype.itemsize > 2 and pixels.dtype != np.float32
    values: npt.NDArray[np.floating] = pixels.astype(
        np.float64 if precise else np.float32
    )
    if low == high:
        return np.where(values > high, np.uint8(255), np.uint8(0))
    values -= low
    values *= 255.0 / (high - low)
    if pixels.dtype.kind == "f":
        np.nan_to_num(values, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(values, 0.0, 255.0, out=values)
    rescaled: ByteArray = np.rint(values, out=values).astype(np.uint8)
    return rescaled


def _subsample(
    pixels: npt.NDArray[np.generic] | BandedPlane,
) -> npt.NDArray[np.generic]:
    if isinstance(pixels, BandedPlane):
        step = math.ceil(math.sqrt(pixels.size / _MAX_PERCENTILE_PIXELS))
        return pixels[::step, ::step].ravel()
    step = int(np.ceil(np.sqrt(pixels.size / _MAX_PERCENTILE_PIXELS)))
    if step <= 1:
        return pixels.ravel()
    if pixels.ndim >= 2 and min(pixels.shape[:2]) >= step:
        return pixels[::step, ::step].ravel()
    return pixels.ravel()[:: step * step]
