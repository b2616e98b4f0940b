"""Coordinates of a plane, of the model's frame and of its low-resolution masks.

A plane of shape (H, W) is resized so that its longer side fills the square model frame;
the rest of the frame, right and below, is padding. Masks leave the decoder at a quarter
of the embedding's stride. Everywhere pixel centres are integers, so a change of scale
``s`` maps ``v`` to ``(v + 0.5) * s - 0.5``.

This is the only module outside of the networks that speaks SAM's (x, y).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from napari_segment_anything.errors import InvalidImageError

FloatArray = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]

# Rows of a banded matrix that are multiplied at once.
_STRIP = 128


@dataclass(frozen=True)
class FrameGeometry:
    """How one plane lies in the square frame of a model.

    Parameters
    ----------
    plane_shape : tuple of int
        (H, W) of the plane in pixels.
    frame_size : int
        Side of the model frame in pixels.

    Raises
    ------
    InvalidImageError
        When the plane has no pixels.
    """

    plane_shape: tuple[int, int]
    frame_size: int

    def __post_init__(self) -> None:
        if len(self.plane_shape) != 2 or min(self.plane_shape) < 1:
            raise InvalidImageError(
                f"A plane of shape {tuple(self.plane_shape)} has no pixels; "
                "pass a plane of at least 1 × 1 pixel."
            )

    @property
    def scale(self) -> float:
        """Frame pixels per plane pixel."""
        return self.frame_size / max(self.plane_shape)

    @property
    def scaled_shape(self) -> tuple[int, int]:
        """Shape (h, w) of the resized plane inside of the frame."""
        height, width = self.plane_shape
        return (
            max(1, int(height * self.scale + 0.5)),
            max(1, int(width * self.scale + 0.5)),
        )

    @property
    def _scale_yx(self) -> npt.NDArray[np.float64]:
        # Rounding the scaled shape to pixels stretches the shorter side a little.
        return np.divide(self.scaled_shape, self.plane_shape)

    def points_to_frame_xy(self, points: npt.ArrayLike) -> FloatArray:
        """Plane points (..., 2) as (y, x) to frame points (..., 2) as (x, y)."""
        plane = np.asarray(points, dtype=np.float64)
        frame = (plane + 0.5) * self._scale_yx - 0.5
        return frame[..., ::-1].astype(np.float32)

    def points_from_frame_xy(self, points_xy: npt.ArrayLike) -> FloatArray:
        """Frame points (..., 2) as (x, y) to plane points (..., 2) as (y, x)."""
        frame = np.asarray(points_xy, dtype=np.float64)[..., ::-1]
        return ((frame + 0.5) / self._scale_yx - 0.5).astype(np.float32)

    def boxes_to_frame_xyxy(self, boxes: npt.ArrayLike) -> FloatArray:
        """Plane boxes (..., 4) as (y0, x0, y1, x1) to frame boxes as (x, y, x, y)."""
        corners = np.asarray(boxes, dtype=np.float64)
        shape = corners.shape
        frame_xy = self.points_to_frame_xy(corners.reshape(*shape[:-1], 2, 2))
        return frame_xy.reshape(shape)

    def points_to_low_res(self, points: npt.ArrayLike, low_res_size: int) -> FloatArray:
        """Plane points (..., 2) to points (y, x) in the low-resolution masks."""
        scale = self._scale_yx * (low_res_size / self.frame_size)
        low_res = (np.asarray(points, dtype=np.float64) + 0.5) * scale - 0.5
        return low_res.astype(np.float32)

    def points_from_low_res(
        self, points: npt.ArrayLike, low_res_size: int
    ) -> FloatArray:
        """Points (..., 2) of low-resolution masks as (y, x) to points of the plane."""
        scale = self._scale_yx * (low_res_size / self.frame_size)
        plane = (np.asarray(points, dtype=np.float64) + 0.5) / scale - 0.5
        return plane.astype(np.float32)

    def low_res_shape(self, low_res_size: int) -> tuple[int, int]:
        """Shape of the part of a low-resolution mask that covers the plane."""
        height, width = self.scaled_shape
        ratio = low_res_size / self.frame_size
        return (
            min(low_res_size, int(np.ceil(height * ratio))),
            min(low_res_size, int(np.ceil(width * ratio))),
        )

    def upscaling_matrices(self, low_res_size: int) -> tuple[Tensor, Tensor]:
        """Matrices (H, L) and (W, L) that bring low-resolution logits to the plane.

        ``rows @ logits @ columns.T`` equals SAM's rule: bilinear from L × L to the
        frame, crop of the padding, bilinear to the plane, without aligned corners.
        """
        (height, width), (scaled_h, scaled_w) = self.plane_shape, self.scaled_shape
        return (
            _upscaling_matrix(low_res_size, self.frame_size, scaled_h, height),
            _upscaling_matrix(low_res_size, self.frame_size, scaled_w, width),
        )

    def support_box(self, low_res_box: Box, low_res_size: int) -> Box:
        """Plane box that low-resolution pixels of a half-open box can influence.

        Parameters
        ----------
        low_res_box : tuple of int
            (y0, x0, y1, x1), half-open, in low-resolution pixels; not empty.
        low_res_size : int
            Side of the low-resolution masks.

        Returns
        -------
        tuple of int
            (y0, x0, y1, x1), half-open, in plane pixels; empty (all zeros) when the
            low-resolution box lies in the padding.
        """
        y0, x0, y1, x1 = low_res_box
        (height, width), (scaled_h, scaled_w) = self.plane_shape, self.scaled_shape
        row0, row1 = _support(low_res_size, self.frame_size, scaled_h, height)
        col0, col1 = _support(low_res_size, self.frame_size, scaled_w, width)
        top, bottom = int(row0[y0:y1].min()), int(row1[y0:y1].max())
        left, right = int(col0[x0:x1].min()), int(col1[x0:x1].max())
        if top >= bottom or left >= right:
            return 0, 0, 0, 0
        return top, left, bottom, right

    def low_res_to_plane(
        self,
        logits: npt.NDArray[np.floating],
        box: Box | None = None,
        order: Literal["C", "F"] = "C",
    ) -> FloatArray:
        """Upscale low-resolution logits to the plane, or to a box of it.

        Parameters
        ----------
        logits : ndarray
            (L, L) logits of one mask.
        box : tuple of int, optional
            Half-open (y0, x0, y1, x1) in plane pixels; by default the whole plane.
        order : str
            In memory row by row ("C") or, as run lengths are made, column by column
            ("F").

        Returns
        -------
        ndarray
            float32 logits of the shape of the box.
        """
        rows, columns = self.upscaling_matrices(logits.shape[-1])
        y0, x0, y1, x1 = box if box is not None else (0, 0, *self.plane_shape)
        low_res = torch.from_numpy(np.ascontiguousarray(logits, dtype=np.float32))
        first, last = rows[y0:y1], columns[x0:x1]
        if order == "C":
            first, last, low_res = last, first, low_res.T
        upscaled: FloatArray = _banded_product(
            last, _banded_product(first, low_res).T
        ).numpy()
        return upscaled if order == "C" else upscaled.T

    def plane_to_low_res(
        self, mask: npt.NDArray[np.bool_], box: Box, low_res_size: int
    ) -> FloatArray:
        """Fraction of each low-resolution pixel that a mask covers.

        Parameters
        ----------
        mask : ndarray
            Boolean mask cropped to ``box``.
        box : tuple of int
            Half-open (y0, x0, y1, x1) of the crop in plane pixels.
        low_res_size : int
            Side L of the low-resolution masks.

        Returns
        -------
        ndarray
            (L, L) float32 in 0..1; the padding is 0.
        """
        rows, columns = self.upscaling_matrices(low_res_size)
        # The transpose of the upscaling, normalised, is its area-weighted inverse.
        y0, x0, y1, x1 = box
        is_inside = torch.from_numpy(mask.astype(np.float32))
        covered = rows[y0:y1].T @ is_inside @ columns[x0:x1]
        weight = torch.outer(rows.sum(0), columns.sum(0))
        fraction = torch.where(weight > 1e-6, covered / weight.clamp(min=1e-6), 0.0)
        result: FloatArray = fraction.numpy()
        return result


@lru_cache(maxsize=64)
def _upscaling_matrix(
    low_res_size: int, frame_size: int, scaled: int, plane: int
) -> Tensor:
    basis = torch.eye(low_res_size).unsqueeze(0)
    frame = functional.interpolate(
        basis, size=frame_size, mode="linear", align_corners=False
    )
    resized = functional.interpolate(
        frame[..., :scaled], size=plane, mode="linear", align_corners=False
    )
    return resized[0].T.contiguous()


@lru_cache(maxsize=64)
def _support(
    low_res_size: int, frame_size: int, scaled: int, plane: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First and one past the last plane pixel that each low-res pixel touches."""
    matrix = _upscaling_matrix(low_res_size, frame_size, scaled, plane).numpy()
    touched = matrix != 0
    is_used = touched.any(axis=0)
    first = np.where(is_used, touched.argmax(axis=0), plane)
    stop = np.where(is_used, plane - touched[::-1].argmax(axis=0), 0)
    return first, stop


def _banded_product(matrix: Tensor, values: Tensor) -> Tensor:
    """Product (N, M) of a banded matrix (N, L) and values (L, M).

    A strip of the matrix at a time, without the columns that are zero there. Not in
    numpy: the threads of its BLAS go on waiting actively, and take the processors from
    whoever else computes.
    """
    product = values.new_empty(len(matrix), values.shape[1])
    for start in range(0, len(matrix), _STRIP):
        strip = matrix[start : start + _STRIP]
        used = _used_columns(strip.numpy())
        out = product[start : start + len(strip)]
        torch.mm(strip[:, used], values[used], out=out)
    return product


def _used_columns(matrix: FloatArray) -> slice:
    # Interpolation weights are monotone in position: the ends tell the whole band.
    first = int(np.flatnonzero(matrix[0])[0])
    last = int(np.flatnonzero(matrix[-1])[-1])
    return slice(first, last + 1)
