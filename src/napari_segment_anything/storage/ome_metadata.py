"""The metadata of OME-Zarr 0.5 images and labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from napari_segment_anything.errors import InvalidAxesError

OME_VERSION = "0.5"

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
    name: str, axes: str, scale: Mapping[str, float], units: Mapping[str, str]
) -> dict[str, Any]:
    """Describe an image of one resolution whose array is called ``0``."""
    sizes = [float(scale.get(letter, 1.0)) for letter in axes]
    return {
        "name": name,
        "axes": [_axis(letter, units.get(letter)) for letter in axes],
        "datasets": [
            {
                "path": "0",
                "coordinateTransformations": [{"type": "scale", "scale": sizes}],
            }
        ],
    }


def image_attributes(described: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an image group."""
    return {"ome": {"version": OME_VERSION, "multiscales": [described]}}


def label_attributes(described: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a label image that lies in the ``labels`` group of an image."""
    return {
        "ome": {
            "version": OME_VERSION,
            "multiscales": [described],
            "image-label": {"version": OME_VERSION, "source": {"image": "../../"}},
        }
    }


def labels_group_attributes(names: Sequence[str]) -> dict[str, Any]:
    """Attributes of the group that lists the label images of an image."""
    return {"ome": {"version": OME_VERSION, "labels": list(names)}}


def _axis(letter: str, unit: str | None) -> dict[str, str]:
    axis = {"name": letter.lower()}
    if letter in _TYPES:
        axis["type"] = _TYPES[letter]
    known = _UNITS.get((unit or "").lower(), unit)
    if known in _KNOWN_UNITS:
        axis["unit"] = str(known)
    return axis
