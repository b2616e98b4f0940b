"""Opens OME-Zarr folders in napari: the image, and its labels as Labels layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import zarr

    from napari_segment_anything.stacks.opened import Opened

LayerTuple = tuple[Any, dict[str, Any], str]

_READ_ERRORS = (OSError, ValueError, LookupError, TypeError)
_COLORMAPS = {2: ("magenta", "green"), 3: ("red", "green", "blue")}


def ome_zarr_reader(
    path: str | Sequence[str],
) -> Callable[[str], list[LayerTuple]] | None:
    """Return the function that opens an OME-Zarr; None for anything else.

    Parameters
    ----------
    path : str or sequence of str
        What napari was asked to open. Only a single folder ``*.zarr`` with an image of
        OME-Zarr, with labels, or with both is taken.
    """
    if not isinstance(path, str) or not Path(path).is_dir():
        return None
    group = _image_group(path)
    return None if group is None else read_ome_zarr


def read_ome_zarr(path: str) -> list[LayerTuple]:
    """Describe the layers of an OME-Zarr; no pixel is read.

    Parameters
    ----------
    path : str
        Folder of an OME-Zarr that holds an image, labels or both.

    Returns
    -------
    list of tuple
        Image layers, one a channel, then Labels layers; their arrays are dask's, of
        all resolutions where there are several.

    Raises
    ------
    UnreadableInputError
        If an array is missing that the metadata names.
    """
    group = _image_group(path)
    if group is None:
        return []
    name = Path(path).name.removesuffix(".zarr").removesuffix(".ome")
    labelled = _label_groups(group)
    layers: list[LayerTuple] = []
    if _is_image(group):
        layers += _image_layers(*_levels(group, name, path), name)
    for label_name, labels in labelled.items():
        levels, opened = _levels(labels, label_name, f"{path}/labels/{label_name}")
        # dask compares dtypes of zarr and numpy alike.
        if np.issubdtype(levels[0].dtype, np.integer):
            placed = _placement(opened, opened.axes or "")
            layers.append((_scales(levels), {"name": label_name, **placed}, "labels"))
    return layers


def _image_group(path: str) -> zarr.Group | None:
    """Open the group with the image or the labels; None if there are neither."""
    import zarr

    from napari_segment_anything.stacks.zarr_source import is_zarr

    if not is_zarr(Path(path)):
        return None
    try:
        group = zarr.open(Path(path), mode="r")
        if not isinstance(group, zarr.Group):
            return None
        first: Any = group.get("0")
        # The layout of bioformats2raw: a group that numbers its images.
        numbered = [first] if isinstance(first, zarr.Group) else []
        for candidate in (group, *numbered):
            if _is_image(candidate) or _label_groups(candidate):
                return candidate
    except _READ_ERRORS:
        pass
    return None


def _is_image(group: zarr.Group) -> bool:
    from napari_segment_anything.stacks.zarr_source import count_levels

    return count_levels(group) > 0


def _label_groups(group: zarr.Group) -> dict[str, zarr.Group]:
    """Return the label images that the ``labels`` of an image list."""
    import zarr

    from napari_segment_anything.storage.ome_metadata import ome_of

    listing: Any = group.get("labels")
    if not isinstance(listing, zarr.Group):
        return {}
    names = ome_of(dict(listing.attrs)).get("labels", [])
    groups: dict[str, Any] = {name: listing.get(name) for name in names}
    return {
        name: labels
        for name, labels in groups.items()
        if isinstance(labels, zarr.Group) and _is_image(labels)
    }


def _levels(group: zarr.Group, name: str, location: str) -> tuple[list[Any], Opened]:
    """Return the resolutions as dask arrays, and what is known of the largest."""
    import dask.array

    from napari_segment_anything.stacks.zarr_source import (
        count_levels,
        open_zarr_node,
    )

    found = [
        open_zarr_node(group, level=level, name=name, location=location)
        for level in range(count_levels(group))
    ]
    arrays = [
        dask.array.from_zarr(one.data)  # type: ignore[no-untyped-call]
        for one in found
    ]
    return arrays, found[0]


def _image_layers(levels: list[Any], opened: Opened, name: str) -> list[LayerTuple]:
    """Describe the layers of an image: one a channel, or a single one of colours."""
    axes = opened.axes or ""
    placed = _placement(opened, axes.replace("C", ""))
    if "C" not in axes:
        return [(_scales(levels), {"name": name, **placed}, "image")]
    channel_axis = axes.index("C")
    n_channels = levels[0].shape[channel_axis]
    # napari takes colours of 8 bits only.
    if opened.channel is not None and levels[0].dtype == np.uint8:
        colours = [np.moveaxis(level, channel_axis, -1) for level in levels]
        return [(_scales(colours), {"name": name, "rgb": True, **placed}, "image")]
    colormaps = _COLORMAPS.get(n_channels, ("gray",) * n_channels)
    before = (slice(None),) * channel_axis
    return [
        (
            _scales([level[(*before, channel)] for level in levels]),
            {
                "name": f"{name} [{channel}]" if n_channels > 1 else name,
                "colormap": colormaps[channel],
                "blending": "additive",
                **placed,
            },
            "image",
        )
        for channel in range(n_channels)
    ]


def _scales(levels: list[Any]) -> Any:
    return levels if len(levels) > 1 else levels[0]


def _placement(opened: Opened, axes: str) -> dict[str, Any]:
    """Return where a layer lies in the world; nothing if its axes have no names."""
    if not axes:
        return {}
    return {
        "scale": [opened.scale.get(axis, 1.0) for axis in axes],
        "translate": [opened.translate.get(axis, 0.0) for axis in axes],
        "units": [_known_unit(opened.units.get(axis)) for axis in axes],
        "axis_labels": list(axes),
    }


def _known_unit(unit: str | None) -> str:
    """Return a unit that napari knows, "pixel" for others."""
    import pint

    try:
        pint.Unit(unit or "pixel")
    except (pint.PintError, ValueError):
        return "pixel"
    return unit or "pixel"
