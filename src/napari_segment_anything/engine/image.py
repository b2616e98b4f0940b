"""From a plane of any dtype to the 8-bit RGB image that the encoder reads."""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from napari_segment_anything.engine.banded_plane import BandedPlane, rows_of
from napari_segment_anything.engine.contrast import rescale_intensity
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.errors import InvalidImageError

ByteArray = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.generic] | BandedPlane


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
