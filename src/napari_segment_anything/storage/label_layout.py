"""The folder of an OME-Zarr with labels, before any plane is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs.zstd import Zstd
from numpy.typing import DTypeLike
from zarr.codecs import ZstdCodec

from napari_segment_anything.errors import InvalidAxesError, StorageError
from napari_segment_anything.storage import ome_metadata
from napari_segment_anything.storage.atomic import atomic_path, storage_errors
from napari_segment_anything.storage.pyramid import level_shape, n_levels

OWN_ATTRIBUTES = "napari_segment_anything"
"""Key of what this package adds to the attributes of a label image."""

_N_COLOURS = 3
# A plane up to this side is one chunk, and so replaced in one step; larger ones would
# be slow to look at, and beyond 2 GB a chunk cannot be compressed at all.
_UNCUT_SIDE = 4096
_CUT_SIDE = 1024


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
    translate : mapping, optional
        Where the centre of the first pixel lies along each axis, in those units.
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
    levels : int, optional
        Resolutions; by default as many as a plane needs.
    chunk_side : int, optional
        Most rows and columns of a chunk of labels; by default a plane is one chunk,
        unless it is very large.
    """

    axes: str
    shape: Sequence[int]
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    translate: Mapping[str, float] = field(default_factory=dict)
    name: str = "masks"
    plane_axes: tuple[str, str] = ("Y", "X")
    attributes: Mapping[str, Any] = field(default_factory=dict)
    image_dtype: DTypeLike | None = None
    is_rgb: bool = False
    levels: int | None = None
    chunk_side: int | None = None

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

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns of a plane."""
        rows, columns = (self.lengths[axis] for axis in self.plane_axes)
        return rows, columns

    @property
    def n_levels(self) -> int:
        """Resolutions of labels and image."""
        return self.levels or n_levels(self.plane_shape)

    def described(self, name: str, axes: str) -> dict[str, Any]:
        """Describe the labels or the image as a multiscale image of OME-Zarr."""
        return ome_metadata.multiscale(
            name,
            axes,
            self.scale,
            self.units,
            translate=self.translate,
            n_levels=self.n_levels,
            plane_axes=self.plane_axes,
        )


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
    ome_metadata.ome_order(layout.axes)
    with atomic_path(path) as temporary:
        root = zarr.open_group(temporary, mode="w-", zarr_format=3)
        if layout.image_dtype is not None:
            _make_image(root, layout, path.stem)
        listing = root.create_group("labels")
        listing.attrs.update(ome_metadata.labels_group_attributes([layout.name]))
        fill_label_group(listing.create_group(layout.name), layout)


def fill_label_group(group: zarr.Group, layout: LabelLayout) -> None:
    """Make the arrays of a label image, and say what they are.

    Raises
    ------
    InvalidAxesError
        If OME-Zarr cannot hold the axes.
    """
    axes = ome_metadata.ome_order(layout.axes)
    is_older = group.metadata.zarr_format == 2
    version = ome_metadata.OLDER_VERSION if is_older else ome_metadata.OME_VERSION
    described = layout.described(layout.name, axes)
    group.attrs.update(ome_metadata.label_attributes(described, version))
    group.attrs[OWN_ATTRIBUTES] = {
        "index_axes": layout.index_axes,
        "plane_axes": "".join(layout.plane_axes),
        "attributes": dict(layout.attributes),
        "has_image": layout.image_dtype is not None,
    }
    side = layout.chunk_side
    _make_levels(group, axes, layout, set(), np.dtype(np.int32), chunk_side=side)
    marks = np.dtype(np.uint8)
    _make_array(group, "progress", layout.index_axes, layout.lengths, set(), marks)


def is_free(path: Path) -> bool:
    """Whether nothing is at a path, or an empty folder."""
    with storage_errors(path):
        return not path.exists() or (path.is_dir() and not any(path.iterdir()))


def _make_image(root: zarr.Group, layout: LabelLayout, name: str) -> None:
    colour = "C" if layout.is_rgb else ""
    axes = ome_metadata.ome_order(layout.axes + colour)
    described = layout.described(name, axes)
    colours_of = layout.image_dtype if layout.is_rgb else None
    root.attrs.update(ome_metadata.image_attributes(described, colours_of=colours_of))
    _make_levels(root, axes, layout, set(colour), np.dtype(layout.image_dtype))


def _make_levels(
    group: zarr.Group,
    axes: str,
    layout: LabelLayout,
    whole: set[str],
    dtype: np.dtype[Any],
    *,
    chunk_side: int | None = None,
) -> None:
    for level in range(layout.n_levels):
        smaller = level_shape(layout.plane_shape, level)
        lengths = {
            "C": _N_COLOURS,
            **layout.lengths,
            **dict(zip(layout.plane_axes, smaller, strict=True)),
        }
        uncut = {*layout.plane_axes, *whole}
        side = chunk_side or _chunk_side(smaller)
        _make_array(group, str(level), axes, lengths, uncut, dtype, chunk_side=side)


def _chunk_side(plane_shape: tuple[int, int]) -> int:
    longest = max(plane_shape)
    return longest if longest <= _UNCUT_SIDE else _CUT_SIDE


def _make_array(
    group: zarr.Group,
    name: str,
    axes: str,
    lengths: Mapping[str, int],
    whole: set[str],
    dtype: np.dtype[Any],
    *,
    chunk_side: int = 1,
) -> None:
    """Make an array whose chunks reach far only along `whole` axes."""
    options: dict[str, Any] = {
        "compressors": (ZstdCodec(level=3, checksum=True),),
        "dimension_names": [axis.lower() for axis in axes],
    }
    if group.metadata.zarr_format == 2:
        options = {
            "compressors": Zstd(level=3, checksum=True),
            "chunk_key_encoding": {"name": "v2", "separator": "/"},
        }
    group.create_array(
        name,
        shape=tuple(lengths[axis] for axis in axes),
        chunks=tuple(
            min(lengths[axis], chunk_side) if axis in whole else 1 for axis in axes
        ),
        dtype=dtype,
        fill_value=0,
        **options,
    )
