"""Checks that a stack makes once, when it is built."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_segment_anything.errors import InvalidAxesError, InvalidImageError


def checked_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype in native byte order; only plain numbers are images."""
    # A tensorstore dtype is not a numpy dtype but knows its own.
    numpy_dtype = np.dtype(getattr(dtype, "numpy_dtype", dtype))
    if numpy_dtype.kind not in "buif":
        raise InvalidImageError(
            f"The image has dtype {numpy_dtype}, which is not a plain number; "
            f"convert it to an integer or float array."
        )
    native: np.dtype[Any] = numpy_dtype.newbyteorder("=")
    return native


def check_not_empty(axes: str, shape: tuple[int, ...]) -> None:
    """Raise `InvalidImageError` if an axis has length zero."""
    for letter, length in zip(axes, shape, strict=True):
        if length == 0:
            what = "frames" if letter == "T" else f"pixels along {letter}"
            raise InvalidImageError(
                f"The image has 0 {what} (shape {shape}); there is nothing to segment."
            )


def check_something_is_left(letter: str, length: int, chosen: range) -> None:
    """Raise `InvalidImageError` if a selection along an axis keeps nothing of it."""
    if not chosen:
        raise InvalidImageError(
            f"The selection leaves nothing of axis {letter}, which has the positions 0 "
            f"to {length - 1}; choose from these."
        )


def checked_plane_axes(plane_axes: Sequence[str], axes: str) -> tuple[str, str]:
    """Return the two plane axes; raise `InvalidAxesError` if they do not fit."""
    letters = "".join(plane_axes).upper()
    if len(set(letters)) != 2 or len(letters) != 2 or not set(letters) <= set(axes):
        raise InvalidAxesError(
            f"Plane axes {letters!r} must be two different axes of {axes!r}, for rows "
            f"and columns, such as ZX."
        )
    if set(letters) & {"C", "S"}:
        raise InvalidAxesError(
            f"Plane axes {letters!r} hold channels or RGB samples, which are no place "
            f"in a plane; choose two other axes of {axes!r}."
        )
    return letters[0], letters[1]


def checked_channels(
    channel: int | Sequence[int] | None, axes: str, shape: Sequence[int]
) -> tuple[int, ...]:
    """Return the channels to read as a tuple; empty without a channel axis."""
    if "C" not in axes:
        if channel is not None and channel not in (0, (0,)):
            raise InvalidAxesError(
                f"Channel {channel} was asked for, but the image has no channel axis; "
                f"leave the channel out, or name an axis C."
            )
        return ()
    if channel is None:
        return (0,)
    chosen = tuple(channel) if isinstance(channel, Sequence) else (channel,)
    most = 1 if "S" in axes else 3
    if not 1 <= len(chosen) <= most:
        raise InvalidAxesError(
            f"{len(chosen)} channels were asked for; choose one, or (if channels are "
            f"not RGB themselves) two or three to be composed to RGB."
        )
    n_channels = shape[axes.index("C")]
    for number in chosen:
        if not -n_channels <= number < n_channels:
            raise InvalidAxesError(
                f"There is no channel {number}: the image has {n_channels} channels, "
                f"0 to {n_channels - 1}."
            )
    return tuple(number % n_channels for number in chosen)


def no_such_series(place: object, n_series: int, series: int) -> str:
    """Return the sentence that a file has no such image."""
    if n_series == 1:
        return (
            f"{place or 'The input'} is a single image, so there is no series "
            f"{series}; leave the series out."
        )
    return (
        f"{place} holds {n_series} images, so there is no series {series}; use 0 to "
        f"{n_series - 1}."
    )


def no_such_level(place: object, n_levels: int, level: int) -> str:
    """Return the sentence that an image has no such resolution level."""
    if n_levels == 1:
        return (
            f"{place} has a single resolution, so there is no level {level}; leave the "
            f"level out."
        )
    return (
        f"{place} has {n_levels} resolution levels, so there is no level {level}; use "
        f"0 to {n_levels - 1}."
    )
