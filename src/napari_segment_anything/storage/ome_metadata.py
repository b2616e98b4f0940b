"""The metadata of OME-Zarr images and labels: 0.5, and 0.4 for labels of such."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from napari_segment_anything.errors import InvalidAxesError

OME_VERSION = "0.5"
OLDER_VERSION = "0.4"
"""Of OME-Zarr images in zarr v2, to which labels can be added."""

# Names and colours of the three channels of a picture in true colour.
_TRUE_COLOURS = {"red": "FF0000", "green": "00FF00", "blue": "0000FF"}

_ORDER = "TPCZYX"
_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}
_UNITS = {
    "µm": "micrometer",
    "μm": "micrometer",
    "um": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "nm": "nanometer",
    "mm": "millimeter",
    "å": "angstrom",
    "s": "second",
    "sec": "second",
    "ms": "millisecond",
    "min": "minute",
    "h": "hour",
}
_KNOWN_UNITS = {
    *_UNITS.values(),
    "meter",
    "centimeter",
    "picometer",
    "microsecond",
    "nanosecond",
    "day",
}


def ome_order(axes: str) -> str:
    """Sort axis letters as OME-Zarr wants them: time, channel, then space.

    Raises
    ------
    InvalidAxesError
        If there are more axes than OME-Zarr can hold.
    """
    ordered = "".join(letter for letter in _ORDER if letter in axes)
    if sorted(ordered) != sorted(axes) or ("P" in axes and "C" in axes):
        raise InvalidAxesError(
            f"OME-Zarr cannot hold the axes {axes!r}; choose one position or channel."
        )
    return ordered


def multiscale(
    name: str,
    axes: str,
    scale: Mapping[str, float],
    units: Mapping[str, str],
    *,
    translate: Mapping[str, float] | None = None,
    n_levels: int = 1,
    plane_axes: Sequence[str] = ("Y", "X"),
) -> dict[str, Any]:
    """Describe an image whose arrays are called ``0``, ``1`` … by resolution.

    Parameters
    ----------
    name : str
        Of the image.
    axes : str
        Axis letters in the order of OME-Zarr.
    scale, units : mapping
        Size of a pixel along each axis, and its unit.
    translate : mapping, optional
        Where the centre of the first pixel lies along each axis, in those units.
    n_levels : int
        Resolutions; each has half the rows and columns of the one before.
    plane_axes : sequence of str
        Axes of the rows and columns.
    """
    described = [_axis(letter, units.get(letter)) for letter in axes]
    datasets = []
    for level in range(n_levels):
        factor = 2**level
        transformations = _transformations(
            axes, scale, translate or {}, dict.fromkeys(plane_axes, factor)
        )
        datasets.append(
            {"path": str(level), "coordinateTransformations": transformations}
        )
    return {"name": name, "axes": described, "datasets": datasets}


def _transformations(
    axes: str,
    scale: Mapping[str, float],
    translate: Mapping[str, float],
    factors: Mapping[str, int],
) -> list[dict[str, Any]]:
    sizes = [float(scale.get(axis, 1.0)) for axis in axes]
    larger = [factors.get(axis, 1) for axis in axes]
    # The centre of the first pixel moves when pixels grow.
    centres = [
        float(translate.get(axis, 0.0)) + (factor - 1) / 2 * size
        for axis, size, factor in zip(axes, sizes, larger, strict=True)
    ]
    grown = [size * factor for size, factor in zip(sizes, larger, strict=True)]
    transformations: list[dict[str, Any]] = [{"type": "scale", "scale": grown}]
    if any(centres):
        transformations.append({"type": "translation", "translation": centres})
    return transformations


def image_attributes(
    described: Mapping[str, Any], *, colours_of: DTypeLike | None = None
) -> dict[str, Any]:
    """Attributes of an image group.

    Parameters
    ----------
    described : mapping
        See `multiscale`.
    colours_of : dtype-like, optional
        Of a picture in true colour, whose channels are red, green and blue.
    """
    ome: dict[str, Any] = {"version": OME_VERSION, "multiscales": [described]}
    if colours_of is not None:
        ome["omero"] = {"channels": _true_colour_channels(np.dtype(colours_of))}
    return {"ome": ome}


def _true_colour_channels(dtype: np.dtype[Any]) -> list[dict[str, Any]]:
    is_whole = np.issubdtype(dtype, np.integer)
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if is_whole else (0, 1)
    window = {"min": low, "max": high, "start": low, "end": high}
    return [
        {"label": label, "color": colour, "active": True, "window": window}
        for label, colour in _TRUE_COLOURS.items()
    ]


def label_attributes(
    described: Mapping[str, Any], version: str = OME_VERSION
) -> dict[str, Any]:
    """Attributes of a label image that lies in the ``labels`` group of an image."""
    label = {"version": version, "source": {"image": "../../"}}
    if version == OLDER_VERSION:
        return {
            "multiscales": [{**described, "version": version}],
            "image-label": label,
        }
    return {
        "ome": {"version": version, "multiscales": [described], "image-label": label}
    }


def labels_group_attributes(
    names: Sequence[str], version: str = OME_VERSION
) -> dict[str, Any]:
    """Attributes of the group that lists the label images of an image."""
    if version == OLDER_VERSION:
        return {"labels": list(names)}
    return {"ome": {"version": version, "labels": list(names)}}


def ome_of(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what OME-Zarr says, wherever its version keeps it."""
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, Mapping) else {}


def _axis(letter: str, unit: str | None) -> dict[str, str]:
    axis = {"name": letter.lower()}
    if letter in _TYPES:
        axis["type"] = _TYPES[letter]
    known = _UNITS.get((unit or "").lower(), unit)
    if known in _KNOWN_UNITS:
        axis["unit"] = str(known)
    return axis
