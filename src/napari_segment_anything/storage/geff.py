"""Tracks as a graph in the exchange format GEFF, version 1.

A zarr group (live-image-tracking-tools.github.io/geff) with a node for each object of
each frame and an edge for each link, divisions included. Masks are not part of it;
``seg_id`` says which id an object has in the label image of its frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from napari_segment_anything.errors import StorageError, UnreadableInputError
from napari_segment_anything.storage.atomic import replacing_folder

VERSION = "1.1"
_TYPES = {"t": "time", "z": "space", "y": "space", "x": "space"}


@dataclass(frozen=True, eq=False)
class GeffGraph:
    """Objects and links.

    Parameters
    ----------
    properties : mapping of str to (n,) array
        One value for each object; the axes are among them.
    edges : (m, 2) int array
        Rows of the earlier and the later object.
    axes : sequence of str
        Properties that say where an object is, time first.
    units : mapping of str to str
        Units of axes.
    """

    properties: Mapping[str, npt.NDArray[Any]]
    edges: npt.NDArray[np.integer]
    axes: Sequence[str] = ("t", "y", "x")
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_nodes(self) -> int:
        """Number of objects."""
        return len(next(iter(self.properties.values()), ()))


def write_geff(
    path: str | Path, graph: GeffGraph, *, tracklet: str = "", overwrite: bool = False
) -> None:
    """Write a graph.

    Parameters
    ----------
    path : str or Path
        Folder, usually ``NAME.geff``.
    graph : GeffGraph
        Objects and links.
    tracklet : str, optional
        Property that numbers the tracks.
    overwrite : bool
        Whether a GEFF at this place may be replaced.

    Raises
    ------
    StorageError
        If something is there already, or the place cannot be written.
    """
    path = Path(path)
    if path.exists() and not (overwrite and is_geff(path)):
        raise StorageError(f"{path} exists already; choose another name.")
    metadata: dict[str, Any] = {
        "geff_version": VERSION,
        "directed": True,
        "axes": [_axis(name, graph) for name in graph.axes],
        "node_props_metadata": {
            name: {
                "identifier": name,
                "dtype": str(values.dtype),
                "varlength": False,
            }
            for name, values in graph.properties.items()
        },
        "edge_props_metadata": {},
        "extra": {},
    }
    if tracklet:
        metadata["track_node_props"] = {"tracklet": tracklet}
    with replacing_folder(path) as temporary:
        root = zarr.open_group(temporary, mode="w", zarr_format=2)
        ids = np.arange(graph.n_nodes, dtype=np.uint64)
        root.create_array("nodes/ids", data=ids)
        for name, values in graph.properties.items():
            root.create_array(f"nodes/props/{name}/values", data=np.asarray(values))
        edges = np.asarray(graph.edges, np.uint64).reshape(-1, 2)
        root.create_array("edges/ids", data=edges)
        root.require_group("edges/props")
        # The attributes make it a GEFF, so they come last.
        root.attrs["geff"] = metadata


def read_geff(path: str | Path) -> GeffGraph:
    """Read a graph.

    Raises
    ------
    UnreadableInputError
        If it is no GEFF, or its parts contradict each other.
    """
    path = Path(path)
    if not is_geff(path):
        raise UnreadableInputError(
            f"{path} is no GEFF; give the folder that has 'geff' in its attributes."
        )
    try:
        root: Any = zarr.open_group(path, mode="r")
        metadata: Any = root.attrs["geff"]
        ids = np.asarray(root["nodes/ids"][...])
        names = list(metadata.get("node_props_metadata") or {})
        properties = {}
        for name in names:
            values = np.asarray(root[f"nodes/props/{name}/values"][...])
            if len(values) != len(ids):
                raise ValueError(f"{name} has {len(values)} values for {len(ids)}")
            properties[name] = values
        edges = np.asarray(root["edges/ids"][...]).reshape(-1, 2)
        order = np.argsort(ids, kind="stable")
        place = np.searchsorted(ids[order], edges)
        if place.size and (
            place.max() >= len(ids) or (ids[order][place] != edges).any()
        ):
            raise ValueError("a link leads to an object that does not exist")
        axes = metadata.get("axes") or []
        return GeffGraph(
            properties,
            order[place].astype(np.int64).reshape(-1, 2),
            tuple(axis["name"] for axis in axes),
            {a["name"]: a["unit"] for a in axes if a.get("unit")},
        )
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise UnreadableInputError(
            f"{path} cannot be read as GEFF: {error}. Export it again."
        ) from error


def _axis(name: str, graph: GeffGraph) -> dict[str, Any]:
    values = np.asarray(graph.properties[name])
    axis: dict[str, Any] = {"name": name, "type": _TYPES.get(name, "space")}
    if name in graph.units:
        axis["unit"] = graph.units[name]
    if len(values):
        axis |= {"min": float(values.min()), "max": float(values.max())}
    return axis


def is_geff(path: Path) -> bool:
    """Whether a folder is a GEFF."""
    try:
        return "geff" in zarr.open_group(path, mode="r").attrs
    except (OSError, ValueError, KeyError):
        return False
