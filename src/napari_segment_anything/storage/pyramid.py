"""Smaller versions of a plane: half the rows and columns at each level."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

_SMALL_ENOUGH = 256
_MOST_LEVELS = 8
_STRIP_PIXELS = 2**20


def n_levels(plane_shape: tuple[int, int]) -> int:
    """Return how many levels a plane needs until it can be seen at one glance."""
    levels, side = 1, max(plane_shape)
    while side > _SMALL_ENOUGH and levels < _MOST_LEVELS:
        side = -(-side // 2)
        levels += 1
    return levels


def level_shape(plane_shape: tuple[int, int], level: int) -> tuple[int, int]:
    """Return (H, W) of a level; odd lengths are rounded up."""
    height, width = plane_shape
    for _ in range(level):
        height, width = -(-height // 2), -(-width // 2)
    return height, width


def label_levels(
    labels: npt.NDArray[np.int32], levels: int
) -> Iterator[npt.NDArray[np.int32]]:
    """Yield labels (H, W) and their smaller versions.

    A pixel gets the label that most of its four pixels have; the ground counts only
    where nothing else is, so that thin objects do not vanish.
    """
    yield labels
    for _ in range(levels - 1):
        labels = _halved(labels, _most_frequent)
        yield labels


def image_levels(plane: npt.NDArray[Any], levels: int) -> Iterator[npt.NDArray[Any]]:
    """Yield a plane (H, W) or (H, W, 3) and its smaller versions, by the mean."""
    yield plane
    for _ in range(levels - 1):
        plane = _halved(plane, _mean)
        yield plane


def _most_frequent(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    a, b, c, d = _quarters(labels)
    # Of labels that occur once each the largest; of two pairs, that of the first pixel.
    most = np.where((c == d) & (c > 0), c, np.maximum.reduce([a, b, c, d]))
    most = np.where(((b == c) | (b == d)) & (b > 0), b, most)
    return np.where(((a == b) | (a == c) | (a == d)) & (a > 0), a, most)


def _mean(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    mean = sum(part.astype(np.float64) for part in _quarters(plane)) / 4
    if plane.dtype.kind in "biu":
        mean = np.round(mean)
    return np.asarray(mean).astype(plane.dtype)


def _halved(
    plane: npt.NDArray[Any], reduce: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Halve rows and columns, a strip at a time: the work takes several copies."""
    shape = (*level_shape((plane.shape[0], plane.shape[1]), 1), *plane.shape[2:])
    smaller = np.empty(shape, plane.dtype)
    n_rows = max(1, _STRIP_PIXELS // max(1, plane.shape[1]))
    for start in range(0, shape[0], n_rows):
        strip = reduce(plane[2 * start : 2 * (start + n_rows)])
        smaller[start : start + n_rows] = strip
    return smaller


def _quarters(plane: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Return the four pixels of each square of two by two; edges are repeated."""
    odd = [(0, length % 2) for length in plane.shape[:2]]
    even = np.pad(plane, [*odd, *[(0, 0)] * (plane.ndim - 2)], mode="edge")
    return [even[y::2, x::2] for y in (0, 1) for x in (0, 1)]
