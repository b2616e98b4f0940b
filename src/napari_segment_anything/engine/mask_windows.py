"""In which parts of a plane masks are upscaled, on a card: many at once.

A plane pixel is a weighted mean of low-resolution pixels. It can exceed a threshold
only where one of them does. What a card works on at once has one shape, so masks are
put in groups by size, each with windows that hold the largest of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.model_tensors import sent

IntArray = npt.NDArray[np.int64]

_SMALLEST = 64  # plane pixels of a window's side; the next ones are twice as long
# To begin with a further group takes a card as long as so many more pixels do.
_PIXELS_OF_A_GROUP = 2**24


@dataclass(frozen=True, eq=False)
class MaskWindows:
    """Windows of one shape, one for each of some masks.

    Parameters
    ----------
    which : ndarray
        (n,) positions of the masks among those that were given.
    corners : ndarray
        (n, 2) first row and column of each window, in plane pixels.
    shape : tuple of int
        (h, w) of the windows.
    geometry : FrameGeometry
        Of the plane.
    """

    which: IntArray
    corners: IntArray
    shape: tuple[int, int]
    geometry: FrameGeometry

    def __len__(self) -> int:
        return len(self.which)

    @property
    def are_whole(self) -> bool:
        """Whether each window is the whole plane."""
        return self.shape == self.geometry.plane_shape

    def parts(self, n_pixels: int) -> Iterator["MaskWindows"]:
        """Cut into parts of so many pixels, or of one window each."""
        n = max(1, n_pixels // (self.shape[0] * self.shape[1]))
        for start in range(0, len(self), n):
            part = slice(start, start + n)
            yield MaskWindows(
                self.which[part], self.corners[part], self.shape, self.geometry
            )

    def upscaled(self, logits: torch.Tensor) -> torch.Tensor:
        """Upscale low-resolution logits inside of their windows.

        Parameters
        ----------
        logits : torch.Tensor
            (n, L, L) float32 of these masks, on a device.

        Returns
        -------
        torch.Tensor
            (n, w, h) with columns first, as run lengths are made.
        """
        size = logits.shape[-1]
        bands = _bands(self.geometry, size)
        table, sides = [self.corners], []
        for band, corners, length in zip(
            bands, self.corners.T, self.shape, strict=True
        ):
            first = band.first[corners]
            side = int((band.last[corners + length - 1] - first).max()) + 1
            sides.append(side)
            table.append(np.minimum(first, size - side)[:, None])
        # All numbers in one go: each is a wait.
        top, left, y, x = sent(np.hstack(table), logits.device).T[..., None]
        low_rows = y + torch.arange(sides[0], device=logits.device)
        low_columns = x + torch.arange(sides[1], device=logits.device)
        rows = top + torch.arange(self.shape[0], device=logits.device)
        columns = left + torch.arange(self.shape[1], device=logits.device)
        by_row, by_column = _matrices_on(logits.device, self.geometry, size)
        if logits.is_cuda:
            # They may be dropped while other streams still read them.
            for matrix in (by_row, by_column):
                matrix.record_stream(torch.cuda.current_stream(logits.device))
        number = torch.arange(len(self), device=logits.device)[:, None, None]
        # Transposed already: rows last.
        shown = logits[number, low_rows[:, None], low_columns[:, :, None]]
        by_row = by_row[rows[:, None], low_rows[:, :, None]]
        by_column = by_column[columns[:, :, None], low_columns[:, None]]
        return by_column @ (shown @ by_row)


@lru_cache(maxsize=64)
def _bands(geometry: FrameGeometry, size: int) -> "tuple[_Band, _Band]":
    rows, columns = geometry.upscaling_matrices(size)
    return _Band.of(rows), _Band.of(columns)


@lru_cache(maxsize=16)
def _matrices_on(
    device: torch.device, geometry: FrameGeometry, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """`FrameGeometry.upscaling_matrices` on a device, sent once for many batches."""
    rows, columns = geometry.upscaling_matrices(size)
    return rows.to(device), columns.to(device)


@dataclass(frozen=True, eq=False)
class _Band:
    """Which low-resolution pixels weigh in on each plane pixel of an axis, (H,) each.

    Both ends grow from pixel to pixel.
    """

    first: IntArray
    last: IntArray

    @classmethod
    def of(cls, matrix: torch.Tensor) -> "_Band":
        weighs = matrix.numpy() != 0
        backwards = weighs[:, ::-1].argmax(axis=1)
        return cls(weighs.argmax(axis=1), matrix.shape[1] - 1 - backwards)

    def pixels_of(self, starts: IntArray, stops: IntArray) -> tuple[IntArray, IntArray]:
        """Half-open range of plane pixels on which low-resolution ones weigh in."""
        return np.searchsorted(self.last, starts), np.searchsorted(self.first, stops)


def mask_windows(
    low_res_boxes: IntArray, geometry: FrameGeometry, low_res_size: int
) -> list[MaskWindows]:
    """Put masks in groups by size; each mask is in one of them.

    Parameters
    ----------
    low_res_boxes : ndarray
        (n, 4) half-open (y0, x0, y1, x1) of the low-resolution pixels that matter.
    geometry : FrameGeometry
        Of the plane.
    low_res_size : int
        Side L of the low-resolution masks.
    """
    height, width = geometry.plane_shape
    y0, x0, y1, x1 = low_res_boxes.T
    bands = _bands(geometry, low_res_size)
    top, bottom = bands[0].pixels_of(y0, y1)
    left, right = bands[1].pixels_of(x0, x1)
    longest = np.maximum(bottom - top, right - left)
    shapes = _shapes(height, width)
    group = np.searchsorted([max(shape) for shape in shapes[:-1]], longest)
    groups = _merged(group, [h * w for h, w in shapes])
    found = []
    for number in np.unique(groups).tolist():
        which = np.flatnonzero(groups == number)
        h, w = shapes[number]
        corners = np.column_stack(
            [np.minimum(top[which], height - h), np.minimum(left[which], width - w)]
        )
        found.append(MaskWindows(which, corners, (h, w), geometry))
    return found


def _shapes(height: int, width: int) -> list[tuple[int, int]]:
    """Shapes of windows that are tried, the whole plane last."""
    shapes, side = [], _SMALLEST
    while side < max(height, width):
        shapes.append((min(side, height), min(side, width)))
        side *= 2
    return [*shapes, (height, width)]


def _merged(group: IntArray, areas: list[int]) -> IntArray:
    """Have the windows of small groups grow to those of the next one that there is."""
    counts = np.bincount(group, minlength=len(areas))
    numbers = np.arange(len(areas))
    present = np.flatnonzero(counts).tolist()
    for here, after in pairwise(present):
        if counts[here] * (areas[after] - areas[here]) < _PIXELS_OF_A_GROUP:
            numbers[numbers == here] = after
            counts[after] += counts[here]
    merged: IntArray = numbers[group]
    return merged
