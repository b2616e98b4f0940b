"""The folder of an OME-Zarr with labels, before any plane is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike
from zarr.codecs import ZstdCodec

from napari_segment_anything.errors import InvalidAxesError, StorageError
from napari_segment_anything.storage import ome_metadata
from napari_segment_anything.storage.atomic import atomic_path, storage_errors

OWN_ATTRIBUTES = "napari_segment_anything"
"""Key of what this package adds to the attributes of a label image."""

_N_COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class LabelLayout:
    """What an OME-Zarr with labels is to hold.

    Parameters
    ----------
    axes : str
        Axis letters of the labels, such as ``"TYX"``. On disk they are sorted as
        OME-Zarr wants them; planes are numbered in the order given here.
    shape : sequence of int
        Length of each axis.
    scale, units : mapping, optional
        Size of a pixel along each axis, and its unit.
    name : str, optional
        Name of the label image.
    plane_axes : tuple of str, optional
        Axes of the rows and the columns of a plane.
    attributes : mapping, optional
        What the labels were made of; anything that JSON can hold.
    image_dtype : dtype-like, optional
        Also makes room for the image itself.
    is_rgb : bool, optional
        Whether planes of the image are (H, W, 3).
    """

    axes: str
    shape: Sequence[int]
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    name: str = "masks"
    plane_axes: tuple[str, str] = ("Y", "X")
    attributes: Mapping[str, Any] = field(default_factory=dict)
    image_dtype: DTypeLike | None = None
    is_rgb: bool = False

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.shape) or not set(self.plane_axes) <= set(
            self.axes
        ):
            raise InvalidAxesError(
                f"Labels of shape {tuple(self.shape)} cannot have the axes "
                f"{self.axes!r} and planes of {self.plane_axes}; give one letter per "
                f"dimension."
            )

    @property
    def lengths(self) -> dict[str, int]:
        """Length of each axis."""
        return dict(zip(self.axes, map(int, self.shape), strict=True))

    @property
    def index_axes(self) -> str:
        """Axes that number the planes."""
        return "".join(axis for axis in self.axes if axis not in self.plane_axes)


def write_layout(path: Path, layout: LabelLayout) -> None:
    """Make an OME-Zarr whose labels are all 0; it appears whole or not at all.

    Raises
    ------
    StorageError
        If something is at `path` already, or the disk is full.
    InvalidAxesError
        If OME-Zarr cannot hold the axes.
    """
    if not is_free(path):
        raise StorageError(
            f"{path} exists already; choose another output or remove it."
        )
    axes = ome_metadata.ome_order(layout.axes)
    with atomic_path(path) as temporary:
        root = zarr.open_group(str(temporary), mode="w-", zarr_format=3)
        if layout.image_dtype is not None:
            _make_image(root, layout, path.stem)
        group = root.create_group(f"labels/{layout.name}")
        listing: Any = root["labels"]
        listing.attrs.update(ome_metadata.labels_group_attributes([layout.name]))
        described = ome_metadata.multiscale(
            layout.name, axes, layout.scale, layout.units
        )
        group.attrs.update(ome_metadata.label_attributes(described))
        group.attrs[OWN_ATTRIBUTES] = {
            "index_axes": layout.index_axes,
            "plane_axes": "".join(layout.plane_axes),
            "attributes": dict(layout.attributes),
        }
        whole = set(layout.plane_axes)
        _make_array(group, "0", axes, layout.lengths, whole, np.dtype(np.int32))
        marks = np.dtype(np.uint8)
        _make_array(group, "progress", layout.index_axes, layout.lengths, set(), marks)


def is_free(path: Path) -> bool:
    """Whether nothing is at a path, or an empty folder."""
    with storage_errors(path):
        return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def _make_image(root: zarr.Group, layout: LabelLayout, name: str) -> None:
    colour = "C" if layout.is_rgb else ""
    axes = ome_metadata.ome_order(layout.axes + colour)
    described = ome_metadata.multiscale(name, axes, layout.scale, layout.units)
    root.attrs.update(ome_metadata.image_attributes(described))
    lengths = {**layout.lengths, "C": _N_COLOURS}
    whole = {*layout.plane_axes, *colour}
    _make_array(root, "0", axes, lengths, whole, np.dtype(layout.image_dtype))


def _make_array(
    group: zarr.Group,
    name: str,
    axes: str,
    lengths: Mapping[str, int],
    whole: set[str],
    dtype: np.dtype[Any],
) -> None:
    """Make an array with one chunk per plane: along `whole` axes it is not cut."""
    group.create_array(
        name,
        shape=tuple(lengths[axis] for axis in axes),
        chunks=tuple(lengths[axis] if axis in whole else 1 for axis in axes),
        dtype=dtype,
        compressors=(ZstdCodec(level=3, checksum=True),),
        fill_value=0,
        dimension_names=[axis.lower() for axis in axes],
    )
