"""From a plane of any dtype to the 8-bit RGB image that the encoder reads."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from napari_segment_anything.engine.banded_plane import BandedPlane, rows_of
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.errors import InvalidImageError

ByteArray = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.generic] | BandedPlane

# Percentiles of a plane hardly change beyond this many pixels, the time does.
_MAX_PERCENTILE_PIXELS = 262_144
# Pixels are rescaled by so many at a time: as floats they take up to eight times the
# memory of the plane.
_STRIP_PIXELS = 2**22


def check_plane(plane: npt.ArrayLike | BandedPlane) -> Plane:
    """Return the plane as an array, or say why it cannot be segmented.

    Parameters
    ----------
    plane : array-like or BandedPlane
        (H, W), (H, W, 1) or (H, W, 3) of booleans, integers or floats.

    Returns
    -------
    ndarray or BandedPlane
        The same values, not copied where that is possible.

    Raises
    ------
    InvalidImageError
        For no pixels, another number of dimensions or channels, or values that are
        not real numbers.
    """
    array = plane if isinstance(plane, BandedPlane) else np.asarray(plane)
    if array.dtype.kind not in "buif":
        raise InvalidImageError(
            f"The image has the dtype {array.dtype}, which is not a real number per "
            "pixel; convert it, for instance with image.astype('float32')."
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise InvalidImageError(
            f"A plane has the shape (H, W) or (H, W, 3), not {array.shape}; "
            "pick one plane of the stack first."
        )
    if array.size == 0:
        raise InvalidImageError(
            f"The image has the shape {array.shape} and therefore no pixels; "
            "check the path or the slice that was taken."
        )
    return array


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
    np.nan_to_num(values, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(values, 0.0, 255.0, out=values)
    rescaled: ByteArray = np.rint(values).astype(np.uint8)
    return rescaled


def as_rgb(plane: ByteArray) -> ByteArray:
    """Return (H, W, 3) from (H, W), (H, W, 1) or (H, W, 3); grey is repeated."""
    if plane.ndim == 2:
        plane = plane[..., np.newaxis]
    if plane.shape[2] == 1:
        return np.broadcast_to(plane, (*plane.shape[:2], 3))
    return plane


def resize_to_frame(rgb: ByteArray, geometry: FrameGeometry) -> ByteArray:
    """Resize an RGB plane so that its longer side fills the model frame.

    Bilinear and antialiased when shrinking, as in SAM's preprocessing.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    geometry : FrameGeometry
        Of this plane.

    Returns
    -------
    ndarray
        (h, w, 3) uint8 with (h, w) the geometry's scaled shape.
    """
    return _resized(rgb, geometry.scaled_shape)


def _resized(rgb: ByteArray, shape: tuple[int, int]) -> ByteArray:
    if rgb.shape[:2] == shape:
        return rgb
    is_grey = rgb.strides[2] == 0
    pixels = np.array(rgb[..., :1] if is_grey else rgb, order="C")
    channels_first = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)
    resized = functional.interpolate(
        channels_first,
        size=shape,
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    array: ByteArray = resized[0].permute(1, 2, 0).numpy()
    return as_rgb(array)


def frame_image(
    plane: Plane, intensity_range: tuple[float, float], geometry: FrameGeometry
) -> ByteArray:
    """Turn a plane into the image that fills the model frame.

    Parameters
    ----------
    plane : ndarray or BandedPlane
        As from `check_plane`.
    intensity_range : tuple of float
        Intensities that become black and white.
    geometry : FrameGeometry
        Of this plane.

    Returns
    -------
    ndarray
        (h, w, 3) uint8 with (h, w) the geometry's scaled shape.
    """
    if not isinstance(plane, BandedPlane):
        return resize_to_frame(
            as_rgb(rescale_intensity(plane, *intensity_range)), geometry
        )
    # Columns first and then rows, as torch resizes an image: the result is the same.
    narrow = [
        _resized(
            as_rgb(rescale_intensity(plane[rows], *intensity_range)),
            (rows.stop - rows.start, geometry.scaled_shape[1]),
        )
        for rows in rows_of(plane)
    ]
    return _resized(np.concatenate(narrow), geometry.scaled_shape)


def _subsample(pixels: Plane) -> npt.NDArray[np.generic]:
    if isinstance(pixels, BandedPlane):
        step = math.ceil(math.sqrt(pixels.size / _MAX_PERCENTILE_PIXELS))
        return pixels[::step, ::step].ravel()
    step = int(np.ceil(np.sqrt(pixels.size / _MAX_PERCENTILE_PIXELS)))
    if step <= 1:
        return pixels.ravel()
    if pixels.ndim >= 2 and min(pixels.shape[:2]) >= step:
        return pixels[::step, ::step].ravel()
    return pixels.ravel()[:: step * step]
