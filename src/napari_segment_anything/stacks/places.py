"""Where on disk an array lies, so that nobody replaces what is still to be read."""

from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from napari_segment_anything.stacks.stack import Stack

# An array that dask reads stands alone in a part of its graph.
_FEW = 4


def places_of(data: Any) -> list[Path]:
    """Files and folders that an array is read from, as far as it tells.

    Parameters
    ----------
    data : Stack or array-like
        Stacks know their path; zarr arrays, memory maps and dask arrays of those are
        looked into. Others, and addresses on the net, have no place.
    """
    if isinstance(data, Stack):
        return [*_paths(data.source), *places_of(data.data)]
    if isinstance(getattr(data, "stack", None), Stack):
        return places_of(data.stack)
    if layers := getattr(getattr(data, "dask", None), "layers", None):
        return [
            place
            for layer in layers.values()
            for value in islice(getattr(layer, "mapping", {}).values(), _FEW)
            for place in places_of(getattr(value, "value", value))
        ]
    store = getattr(data, "store", None)
    root = getattr(store, "root", None) or getattr(store, "path", None)
    if isinstance(root, str | Path) and Path(root).exists():
        return [Path(root) / str(getattr(data, "path", ""))]
    name = getattr(data, "filename", None)
    return _paths(str(name)) if isinstance(name, str | Path) else []


def lies_in(place: Path, folder: Path) -> bool:
    """Whether a path is a folder or something within it, by whatever name."""
    if not folder.exists():
        return False
    place = place.expanduser()
    ways = {place.absolute(), place.resolve()}
    return any(
        one.exists() and one.samefile(folder)
        for way in ways
        for one in (way, *way.parents)
    )


def _paths(source: str) -> list[Path]:
    if source.startswith("file:"):
        source = unquote(urlsplit(source).path)
    return [Path(source)] if source and "://" not in source else []
