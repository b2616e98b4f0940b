"""Axis letters: which dimension of an array is time, depth, channel, row or column."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from napari_segment_anything.errors import InvalidAxesError

KNOWN_AXES = "TPCZYXS"
"""Time, position, channel, depth, row, column and the samples of an RGB pixel."""

UNNAMED_AXIS = "Q"
"""Stands for an axis that a file has but does not name."""

_MAX_SAMPLES = 4

_LETTERS_OF_NAMES = {"TIME": "T", "CHANNEL": "C", "POSITION": "P", "DEPTH": "Z"}


def parse_axes(axes: str, shape: Sequence[int]) -> str:
    """Check that axis letters describe an array and return them in capitals.

    Parameters
    ----------
    axes : str
        One letter of ``TPCZYXS`` per dimension, such as ``"TZYX"``. ``S`` (the
        samples of an RGB or RGBA pixel) can only come last.
    shape : sequence of int
        Shape of the array.

    Raises
    ------
    InvalidAxesError
        If a letter is unknown or used twice, if their number is not the number of
        dimensions, if Y or X is missing, or if S has no place there.
    """
    letters = axes.strip().upper()
    unknown = sorted(set(letters) - set(KNOWN_AXES))
    if unknown:
        raise InvalidAxesError(
            f"Axes {axes!r} hold the unknown letter {unknown[0]!r}; "
            f"use letters of {KNOWN_AXES}, such as TYX or TZYX."
        )
    repeated = [letter for letter, count in Counter(letters).items() if count > 1]
    if repeated:
        raise InvalidAxesError(
            f"Axes {axes!r} name {repeated[0]} twice; each axis needs its own letter."
        )
    if len(letters) != len(shape):
        raise InvalidAxesError(
            f"Axes {axes!r} name {len(letters)} dimensions, but the image has "
            f"{len(shape)}: its shape is {tuple(shape)}. Give one letter per dimension."
        )
    missing = [letter for letter in "YX" if letter not in letters]
    if missing:
        raise InvalidAxesError(
            f"Axes {axes!r} lack {missing[0]}; every image needs Y (rows) and "
            f"X (columns)."
        )
    if "S" in letters:
        _check_samples(letters, shape)
    return letters


def _check_samples(letters: str, shape: Sequence[int]) -> None:
    if not letters.endswith("S"):
        raise InvalidAxesError(
            f"Axes {letters!r} have S before another axis; S (RGB samples) comes "
            f"last. Use C for a channel axis."
        )
    if not 1 <= shape[-1] <= _MAX_SAMPLES:
        raise InvalidAxesError(
            f"Axes {letters!r} call the last axis RGB samples, but it has length "
            f"{shape[-1]} instead of 3 or 4. Use C for a channel axis."
        )


def infer_axes(
    shape: Sequence[int], dtype: DTypeLike, *, hint: str | None = None
) -> str:
    """Name the axes of an array of which only shape and dtype are known.

    Only what admits a single reading is inferred: two dimensions are YX, and five
    are TCZYX, the order of OME. An axis of length 3 or 4 is never taken for RGB on
    its length alone, because a stack of three slices has the same shape.

    Parameters
    ----------
    shape : sequence of int
        Shape of the array.
    dtype : dtype-like
        Its dtype; with five dimensions uint8 and a last axis of 3 or 4 is ambiguous.
    hint : str, optional
        Axes given by a person or by metadata; they are checked and win.

    Raises
    ------
    InvalidAxesError
        If the axes cannot be known, or the hint does not fit.
    """
    if hint is not None:
        return parse_axes(hint, shape)
    n_dimensions = len(shape)
    if n_dimensions < 2:
        raise InvalidAxesError(
            f"An image needs at least two dimensions, but its shape is {tuple(shape)}."
        )
    if n_dimensions == 2:
        return "YX"
    may_be_rgb = np.dtype(dtype) == np.uint8 and shape[-1] in (3, 4)
    if n_dimensions == 5 and not may_be_rgb:
        return "TCZYX"
    raise InvalidAxesError(ambiguous_axes_message(shape, may_be_rgb=may_be_rgb))


def ambiguous_axes_message(
    shape: Sequence[int], *, may_be_rgb: bool = False, is_rgb: bool = False
) -> str:
    """Return the sentence that asks a person to name the axes of this shape."""
    examples = {
        3: "TYX for a time-lapse, ZYX for a volume or CYX for channels",
        4: "TZYX for volumes through time or TCYX for a time-lapse with channels",
    }.get(len(shape), "TCZYX")
    if is_rgb:
        examples = {
            4: "TYXS for a time-lapse in RGB or ZYXS for a volume in RGB",
        }.get(len(shape), "TZYXS for volumes in RGB through time")
    elif may_be_rgb:
        examples += ", or an S at the end for RGB"
    return (
        f"The meaning of the axes of an image of shape {tuple(shape)} is not "
        f"recorded; pass --axes (axes= in Python): {examples}."
    )


def name_unnamed_axis(axes: str, shape: Sequence[int], unnamed: str | None) -> str:
    """Replace the one axis that a file leaves unnamed by a letter.

    Parameters
    ----------
    axes : str
        Axis letters in which ``Q`` stands for an unnamed axis.
    shape : sequence of int
        Shape of the array.
    unnamed : str or None
        The letter to take; None refuses to guess.

    Raises
    ------
    InvalidAxesError
        If an axis is unnamed and may not, or cannot, be named.
    """
    if UNNAMED_AXIS not in axes:
        return parse_axes(axes, shape)
    can_be_named = (
        unnamed is not None and axes.count(UNNAMED_AXIS) == 1 and unnamed not in axes
    )
    if unnamed is None or not can_be_named:
        is_rgb = axes.endswith("S")
        raise InvalidAxesError(ambiguous_axes_message(shape, is_rgb=is_rgb))
    return parse_axes(axes.replace(UNNAMED_AXIS, unnamed), shape)


def axes_from_names(names: Sequence[object] | None) -> str | None:
    """Return the letters of named dimensions, or None unless all are known.

    Parameters
    ----------
    names : sequence or None
        Names as OME-Zarr, zarr v3 and xarray keep them, such as ``("t", "y", "x")``
        or ``("time", "y", "x")``.
    """
    if not names:
        return None
    upper = [str(name).upper() for name in names]
    letters = [_LETTERS_OF_NAMES.get(name, name) for name in upper]
    is_known = all(len(letter) == 1 and letter in KNOWN_AXES for letter in letters)
    return "".join(letters) if is_known and len(set(letters)) == len(letters) else None
