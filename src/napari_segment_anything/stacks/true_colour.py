"""Whether the channels of an OME-Zarr are those of a picture in true colour."""

from collections.abc import Mapping
from typing import Any

_TRUE_COLOURS = [("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF")]


def is_true_colour(ome: Mapping[str, Any]) -> bool:
    """Whether the metadata of an image names its channels red, green and blue.

    Colours alone are not enough: fluorescence is often shown in these three.

    Parameters
    ----------
    ome : mapping
        What OME-Zarr says of the image, with ``omero`` if there is any.
    """
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, Mapping) else None
    if not isinstance(channels, list):
        return False
    named = [
        (str(channel.get("label")).lower(), str(channel.get("color")).upper())
        for channel in channels
        if isinstance(channel, Mapping)
    ]
    return named == _TRUE_COLOURS
