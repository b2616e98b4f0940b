"""Plates and wells of OME-Zarr, which hold images but are none."""

from collections.abc import Mapping
from typing import Any

import zarr

_N_LISTED = 6


def fields_of(group: zarr.Group) -> list[str] | None:
    """Return the paths of the images in a plate or a well; None for other groups.

    Of a plate only the first wells are opened, as it can have hundreds.
    """
    ome = _ome_of(group)
    if isinstance(ome.get("well"), Mapping):
        return _paths(ome["well"].get("images"))
    if not isinstance(ome.get("plate"), Mapping):
        return None
    fields: list[str] = []
    for well in _paths(ome["plate"].get("wells")):
        if len(fields) > _N_LISTED:
            break
        inside = group.get(well)
        if isinstance(inside, zarr.Group):
            fields += [f"{well}/{field}" for field in fields_of(inside) or []]
    return fields


def advice(group: zarr.Group, location: str, fields: list[str]) -> str:
    """Say what a plate or well holds, and how to open one of its images."""
    ome = _ome_of(group)
    if "well" in ome:
        what = f"a well of a plate with {_counted(len(fields), 'image')}"
    else:
        n_wells = len(_paths(ome["plate"].get("wells")))
        what = f"a plate with {_counted(n_wells, 'well')}"
    if not fields:
        return (
            f"{location} is {what}, none of which is there; check that the copy is "
            f"complete."
        )
    root = location.rstrip("/")
    listed = ", ".join(fields[:_N_LISTED]) + (", …" if len(fields) > _N_LISTED else "")
    return (
        f"{location} is {what}; open one image at a time, such as {root}/{fields[0]}. "
        f"It holds {listed}."
    )


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _ome_of(group: zarr.Group) -> Mapping[str, Any]:
    attributes: dict[str, Any] = dict(group.attrs)
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, Mapping) else {}


def _paths(items: Any) -> list[str]:
    if not isinstance(items, list):
        return []
    return [str(item["path"]) for item in items if isinstance(item, Mapping)]
