"""zarr arrays (v2 and v3) and OME-Zarr images, with the axes that they declare."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import zarr

from napari_segment_anything.errors import InvalidImageError, UnreadableInputError
from napari_segment_anything.stacks.axes import axes_from_names
from napari_segment_anything.stacks.opened import Opened
from napari_segment_anything.stacks.plate import advice, fields_of
from napari_segment_anything.stacks.true_colour import is_true_colour
from napari_segment_anything.stacks.validation import no_such_level, no_such_series


def is_zarr(path: Path) -> bool:
    """Whether a folder holds the metadata of a zarr array or group."""
    names = ("zarr.json", ".zarray", ".zgroup")
    return any((path / name).is_file() for name in names)


def open_zarr(location: str | Path, *, level: int = 0, series: int = 0) -> Opened:
    """Open a zarr array, an OME-Zarr image, or a group that holds a single array.

    Parameters
    ----------
    location : str or Path
        Folder, or an address that zarr understands.
    level : int, optional
        Resolution level of a multiscale image; 0 is the full one.
    series : int, optional
        Which image of a group that numbers several, as bioformats2raw writes them.

    Raises
    ------
    UnreadableInputError
        If there is no image, or its metadata cannot be read.
    InvalidImageError
        If there is no such level or series.
    """
    name = Path(str(location)).stem
    # Of text with two colons zarr makes a chain of addresses, of a path it does not.
    place = str(location) if "://" in str(location) else Path(location)
    try:
        node = zarr.open(place, mode="r")
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise UnreadableInputError(
            f"{location} cannot be opened as zarr: {error}. Check the path, and that "
            f"the copy is complete."
        ) from error
    return open_zarr_node(
        node, level=level, series=series, name=name, location=str(location)
    )


def open_zarr_node(
    node: Any,
    *,
    level: int = 0,
    series: int = 0,
    name: str = "",
    location: str = "the zarr",
) -> Opened:
    """Open an array or group that zarr has opened already."""
    if isinstance(node, zarr.Array):
        if level != 0:
            raise InvalidImageError(no_such_level(location, 1, level))
        return Opened(node, _axes_of_array(node), name=name)
    multiscale = _multiscale_of(node)
    if multiscale is not None:
        return _open_level(node, multiscale, level=level, name=name, location=location)
    fields = fields_of(node)
    if fields is not None:
        if len(fields) == 1 and isinstance(node.get(fields[0]), zarr.Group):
            field = node[fields[0]]
            return open_zarr_node(field, level=level, name=name, location=location)
        raise UnreadableInputError(advice(node, location, fields))
    if "0" in node and isinstance(node["0"], zarr.Group):
        # The layout of bioformats2raw: a group that numbers its images.
        n_series = sum(key.isdigit() for key in node.group_keys())
        if not 0 <= series < n_series or str(series) not in node:
            raise InvalidImageError(no_such_series(location, n_series, series))
        image = node[str(series)]
        opened = open_zarr_node(image, level=level, name=name, location=location)
        return replace(opened, series=(series, n_series))
    arrays = sorted(node.array_keys())
    if len(arrays) == 1:
        array: Any = node[arrays[0]]
        return Opened(array, _axes_of_array(array), name=name)
    found = f"arrays {', '.join(arrays)}" if arrays else "no array"
    raise UnreadableInputError(
        f"{location} is a zarr group with {found} and without OME-Zarr metadata; "
        f"give the path of one array."
    )


def count_levels(group: zarr.Group) -> int:
    """Return how many resolutions an OME-Zarr image has; 0 if a group is none."""
    multiscale = _multiscale_of(group)
    return 0 if multiscale is None else len(multiscale.get("datasets", []))


def _ome_of(group: zarr.Group) -> Mapping[str, Any]:
    attributes: dict[str, Any] = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, Mapping) else {}


def _multiscale_of(group: zarr.Group) -> Mapping[str, Any] | None:
    multiscales = _ome_of(group).get("multiscales")
    if not isinstance(multiscales, list) or not multiscales:
        return None
    first: Mapping[str, Any] = multiscales[0]
    return first


def _open_level(
    group: zarr.Group,
    multiscale: Mapping[str, Any],
    *,
    level: int,
    name: str,
    location: str,
) -> Opened:
    datasets = multiscale["datasets"]
    if not 0 <= level < len(datasets):
        raise InvalidImageError(no_such_level(location, len(datasets), level))
    dataset = datasets[level]
    try:
        array: Any = group[dataset["path"]]
    except KeyError as error:
        raise UnreadableInputError(
            f"{location} names the array {dataset['path']!r}, which is missing; copy "
            f"the OME-Zarr again."
        ) from error
    # Some writers call every image "/".
    name = str(multiscale.get("name") or "").strip("/") or name
    declared = multiscale.get("axes", [])
    axes = axes_from_names([_axis_name(axis) for axis in declared])
    if axes is None:
        return Opened(array, _axes_of_array(array), name=name)
    ones = [1.0] * len(axes)
    sizes = _numbers_of(dataset, "scale", ones)
    outer = _numbers_of(multiscale, "scale", ones)
    return Opened(
        array,
        axes,
        channel=(0, 1, 2) if is_true_colour(_ome_of(group)) else None,
        scale={
            axis: size * factor
            for axis, size, factor in zip(axes, sizes, outer, strict=True)
            if axis != "C"
        },
        units={
            letter: axis["unit"]
            for letter, axis in zip(axes, declared, strict=True)
            if isinstance(axis, Mapping) and axis.get("unit")
        },
        name=name,
        translate={
            axis: inner * factor + shift
            for axis, inner, factor, shift in zip(
                axes,
                _numbers_of(dataset, "translation", [0.0] * len(axes)),
                outer,
                _numbers_of(multiscale, "translation", [0.0] * len(axes)),
                strict=True,
            )
            if axis != "C"
        },
    )


def _axis_name(axis: Any) -> str:
    # OME-Zarr 0.3 lists bare names; later versions list objects.
    return str(axis["name"]) if isinstance(axis, Mapping) else str(axis)


def _numbers_of(
    node: Mapping[str, Any], kind: str, default: list[float]
) -> list[float]:
    """Return the numbers of the first transformation of a kind."""
    for transformation in node.get("coordinateTransformations", []):
        if transformation.get("type") == kind and kind in transformation:
            return [float(number) for number in transformation[kind]]
    return default


def _axes_of_array(array: Any) -> str | None:
    """Return axes from the dimension names of zarr v3 or of xarray in zarr v2."""
    names = getattr(array.metadata, "dimension_names", None)
    return axes_from_names(names or array.attrs.get("_ARRAY_DIMENSIONS"))
