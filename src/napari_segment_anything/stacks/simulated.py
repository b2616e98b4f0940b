"""A made-up fluorescence time-lapse of nuclei, whose truth is known exactly."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.stacks.simulated_cells import (
    Nucleus,
    new_nucleus,
    push_apart,
)

_AREA_PER_NUCLEUS = 2600
_RADIUS = 11.0
_BLUR = 1.0
_HAZE = 11.0
_BACKGROUND = 260.0
_PHOTONS_PER_COUNT = 0.22
_READ_NOISE = 9.0


class SimulatedMovie(NamedTuple):
    """A movie and its truth.

    Parameters
    ----------
    images : numpy.ndarray
        (T, H, W) uint16.
    labels : numpy.ndarray
        (T, H, W) int32 track ids, 0 for the background.
    parents : dict of int to int
        Mother of each track that was born of a division.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.int32]
    parents: dict[int, int]


def simulate_cells(
    n_frames: int = 12,
    shape: tuple[int, int] = (256, 256),
    *,
    n_cells: int | None = None,
    seed: int = 0,
) -> SimulatedMovie:
    """Simulate nuclei that crawl, touch and divide, seen through a microscope.

    About a third of them divide. A track lives through neighbouring frames, ends with
    the last frame before its division, and every object is in one piece.

    Parameters
    ----------
    n_frames : int, optional
        Length of the movie.
    shape : tuple of int, optional
        Rows and columns in pixels; a grown nucleus is about 22 pixels wide.
    n_cells : int, optional
        Nuclei in the first frame; by default as many as make a loose culture.
    seed : int, optional
        The same seed gives the same movie.

    Raises
    ------
    InvalidSettingsError
        If there would be no frame, no pixel or no cell.
    """
    if n_cells is None:
        n_cells = max(1, shape[0] * shape[1] // _AREA_PER_NUCLEUS)
    if min(n_frames, n_cells, *shape) < 1:
        raise InvalidSettingsError(
            f"A movie needs at least one frame, pixel and cell, not {n_frames} frames "
            f"of {shape} with {n_cells} cells."
        )
    rng = np.random.default_rng(seed)
    nuclei = _first_nuclei(n_cells, n_frames, shape, rng)
    parents: dict[int, int] = {}
    images = np.empty((n_frames, *shape), np.uint16)
    labels = np.empty((n_frames, *shape), np.int32)
    for frame in range(n_frames):
        if frame:
            nuclei = _next_nuclei(nuclei, parents, rng)
        push_apart(nuclei, shape)
        signal, labels[frame] = _draw(nuclei, shape)
        bleached = 0.99**frame
        images[frame] = _photograph(bleached * signal, rng)
    return SimulatedMovie(images, labels, parents)


def _first_nuclei(
    n_cells: int, n_frames: int, shape: tuple[int, int], rng: np.random.Generator
) -> list[Nucleus]:
    nuclei = [
        new_nucleus(
            track,
            rng.uniform(0, 1, 2) * shape,
            float(np.clip(rng.normal(_RADIUS, 1.3), 0.75 * _RADIUS, 1.3 * _RADIUS)),
            rng,
        )
        for track in range(1, n_cells + 1)
    ]
    for _ in range(8):
        push_apart(nuclei, shape)
    if n_frames > 3:
        dividing = rng.choice(n_cells, size=-(-n_cells // 3), replace=False)
        for number in dividing:
            nuclei[number].divides_in = int(rng.integers(2, n_frames))
    return nuclei


def _next_nuclei(
    nuclei: list[Nucleus], parents: dict[int, int], rng: np.random.Generator
) -> list[Nucleus]:
    next_track = max(nucleus.track for nucleus in nuclei) + 1
    following = []
    for nucleus in nuclei:
        if nucleus.divides_in == 1:
            tracks = (next_track, next_track + 1)
            following += nucleus.divide(tracks, rng)
            parents.update(dict.fromkeys(tracks, nucleus.track))
            next_track += 2
        else:
            nucleus.move(rng)
            following.append(nucleus)
    return following


def _draw(
    nuclei: list[Nucleus], shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Paint all nuclei; where two meet, a pixel is of the one it lies deeper in."""
    signal = np.zeros(shape)
    labels = np.zeros(shape, np.int32)
    deepest = np.ones(shape)
    for nucleus in nuclei:
        box = _box(nucleus, shape)
        depth, u, v = _own_coordinates(nucleus, box)
        wins = depth < deepest[box]
        labels[box][wins] = nucleus.track
        deepest[box][wins] = depth[wins]
        # Nuclei are lens-shaped: thinner, so dimmer, towards the rim.
        thickness = np.sqrt(np.clip(1.0 - 0.8 * depth**2, 0.0, None))
        edge = 1.0 / (1.0 + np.exp((depth - 1.0) * 14.0))
        n_texture = len(nucleus.texture)
        chromatin = ndimage.map_coordinates(
            nucleus.texture,
            [(u + 1) * (n_texture - 1) / 2, (v + 1) * (n_texture - 1) / 2],
            order=1,
            mode="nearest",
        )
        signal[box] += nucleus.signal * thickness * edge * chromatin
    return signal, labels


def _box(nucleus: Nucleus, shape: tuple[int, int]) -> tuple[slice, slice]:
    reach = 1.6 * max(nucleus.semi_axes) + 2
    low = np.maximum(0, np.floor(nucleus.centre - reach)).astype(int)
    high = np.minimum(shape, np.ceil(nucleus.centre + reach) + 1).astype(int)
    return slice(low[0], high[0]), slice(low[1], high[1])


def _own_coordinates(
    nucleus: Nucleus, box: tuple[slice, slice]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return depth (0 at the centre, 1 on the outline) and position on both axes."""
    y, x = np.mgrid[box].astype(np.float64)
    y -= nucleus.centre[0]
    x -= nucleus.centre[1]
    cosine, sine = np.cos(nucleus.angle), np.sin(nucleus.angle)
    long, short = nucleus.semi_axes
    u = (cosine * y + sine * x) / long
    v = (-sine * y + cosine * x) / short
    turn = np.arctan2(v, u)
    outline = np.ones_like(turn)
    for order, (in_phase, out_of_phase) in enumerate(nucleus.harmonics, start=3):
        outline += in_phase * np.cos(order * turn) + out_of_phase * np.sin(order * turn)
    return np.hypot(u, v) / outline, u, v


def _photograph(
    signal: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Blur by the lens, add light from out of focus and an uneven field, and noise."""
    height, width = signal.shape
    y, x = np.mgrid[0:height, 0:width]
    across = 0.6 * (y / height - 0.4) ** 2 + 0.4 * (x / width - 0.6) ** 2
    vignette = 1.0 - 0.45 * across
    in_focus = ndimage.gaussian_filter(signal, _BLUR)
    haze = 0.12 * ndimage.gaussian_filter(signal, _HAZE)
    light = vignette * (_BACKGROUND + in_focus + haze)
    photons = rng.poisson(np.maximum(light, 0) * _PHOTONS_PER_COUNT)
    counts = photons / _PHOTONS_PER_COUNT + rng.normal(0, _READ_NOISE, signal.shape)
    image: NDArray[np.uint16] = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
    return image
