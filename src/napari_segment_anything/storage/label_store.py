"""Label stacks on disk as OME-Zarr, written plane by plane."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_segment_anything.engine.banded_plane import BandedPlane, rows_of
from napari_segment_anything.errors import InvalidImageError, StorageError
from napari_segment_anything.storage.atomic import storage_errors
from napari_segment_anything.storage.label_group import (
    add_labels,
    first_own_name,
    split_label_path,
)
from napari_segment_anything.storage.label_layout import (
    OWN_ATTRIBUTES,
    LabelLayout,
    write_layout,
)
from napari_segment_anything.storage.ome_metadata import ome_of
from napari_segment_anything.storage.plane_place import (
    Place,
    check_plane,
    place_of,
    with_rows,
)
from napari_segment_anything.storage.pyramid import image_levels, label_levels

_READ_ERRORS = (OSError, ValueError, LookupError, TypeError, RuntimeError)


class LabelStore:
    """A label image in an OME-Zarr, and the image itself if wanted.

    A plane is one chunk, unless it is very large, and a chunk is replaced in one step:
    whatever stops a job, each is whole or as it was. Make one with `create` or `open`.

    Parameters
    ----------
    path : Path
        The OME-Zarr.
    name : str
        Name of the label image in its ``labels`` group.
    mode : {"r+", "r"}, optional
        Whether planes can be written.

    Raises
    ------
    StorageError
        If there is no such label image.
    """

    def __init__(
        self, path: Path, *, name: str, mode: Literal["r", "r+"] = "r+"
    ) -> None:
        self.path = path
        self.name = name
        try:
            root: Any = zarr.open_group(path, mode=mode, use_consolidated=False)
            group = root[f"labels/{name}"]
            own = group.attrs[OWN_ATTRIBUTES]
            self.index_axes = str(own["index_axes"])
            self.plane_axes = str(own["plane_axes"])
            self.attributes: dict[str, Any] = dict(own["attributes"])
            multiscale = ome_of(dict(group.attrs))["multiscales"][0]
            self.axes = "".join(axis["name"] for axis in multiscale["axes"]).upper()
            paths = [dataset["path"] for dataset in multiscale["datasets"]]
            self._levels: list[Any] = [group[name] for name in paths]
            self._image_levels: list[Any] = (
                [root[name] for name in paths] if own["has_image"] else []
            )
            self._progress: Any = group["progress"]
        except _READ_ERRORS as error:
            raise StorageError(
                f"{path} holds no label image {name!r} of this package ({error}); "
                f"choose another output, or {path}/labels/NAME to add labels to an "
                f"OME-Zarr image."
            ) from error

    @classmethod
    def create(
        cls, path: str | Path, *, axes: str, shape: Sequence[int], **options: Any
    ) -> Self:
        """Make an OME-Zarr whose labels are all 0; it appears whole or not at all.

        Parameters
        ----------
        path : str or Path
            Folder that does not exist yet, such as ``movie.zarr``; or
            ``image.zarr/labels/NAME`` to add labels to an OME-Zarr image.
        axes : str
            Axis letters of the labels, such as ``"TYX"``.
        shape : sequence of int
            Length of each axis.
        **options
            ``scale``, ``units``, ``translate``, ``name``, ``plane_axes``,
            ``attributes``, ``image_dtype`` and ``is_rgb``, see `LabelLayout`.

        Raises
        ------
        StorageError
            If something is there already, or the disk is full.
        InvalidAxesError
            If the axes do not fit, or OME-Zarr cannot hold them.
        """
        layout, place = layout_of(Path(path), axes, shape, options)
        if place == Path(path):
            write_layout(place, layout)
        else:
            add_labels(place, layout)
        return cls(place, name=layout.name)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        mode: Literal["r", "r+"] = "r+",
    ) -> Self:
        """Open what `create` made; by default its first label image.

        Raises
        ------
        StorageError
            If there is no such label image.
        """
        place, name_in_path = split_label_path(Path(path))
        name = name or name_in_path or first_own_name(place)
        return cls(place, name=name, mode=mode)

    @property
    def labels(self) -> Any:
        """The zarr array of all labels at full resolution."""
        return self._levels[0]

    @property
    def image(self) -> Any:
        """The zarr array of the image, if it was written here; otherwise None."""
        return self._image_levels[0] if self._image_levels else None

    @property
    def lengths(self) -> dict[str, int]:
        """Length of each axis of the labels."""
        return dict(zip(self.axes, self.labels.shape, strict=True))

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns of a plane."""
        rows, columns = (self.lengths[axis] for axis in self.plane_axes)
        return rows, columns

    def write_plane(
        self, index: Sequence[int], labels: NDArray[np.integer[Any]] | BandedPlane
    ) -> None:
        """Replace the labels of one plane: an array in one step, others band by band.

        ``index`` is the position along each of `index_axes`; ``labels`` (H, W) are
        integers that fit into int32.

        Raises
        ------
        InvalidImageError
            If the labels are not such integers.
        StorageError
            If the disk is full.
        """
        check_plane(labels, self.plane_shape, "biu")
        place = place_of(index, self.axes, self.index_axes, self.plane_axes)
        row_axis = self.axes.index(self.plane_axes[0])
        with storage_errors(self.path):
            _write(self._levels, labels, place, row_axis, _int32_levels)

    def read_plane(
        self, index: Sequence[int], rows: slice | None = None
    ) -> NDArray[np.int32]:
        """Read labels (H, W) of a plane or some of its rows; 0: nothing was written.

        Raises
        ------
        StorageError
            If the plane is damaged.
        """
        key, order = place_of(index, self.axes, self.index_axes, self.plane_axes)
        if rows is not None:
            key = with_rows(key, self.axes.index(self.plane_axes[0]), rows, 0)
        try:
            stored: NDArray[np.int32] = np.asarray(self.labels[key])
        except _READ_ERRORS as error:
            raise StorageError(
                f"Labels of plane {tuple(index)} in {self.path} are damaged: {error}. "
                f"Remove {self.path} and run again."
            ) from error
        return stored.transpose(np.argsort(order))

    def write_image_plane(
        self, index: Sequence[int], plane: NDArray[Any] | BandedPlane
    ) -> None:
        """Replace one plane (H, W) or (H, W, 3) of the image, as `write_plane` does.

        Raises
        ------
        InvalidImageError
            If the plane has another shape, or there is no room for an image.
        StorageError
            If the disk is full.
        """
        if self.image is None:
            raise InvalidImageError(
                f"{self.path} was made for labels alone; make it with image_dtype."
            )
        is_rgb = self.image.ndim > len(self.axes)
        colours = (3,) if is_rgb else ()
        check_plane(plane, (*self.plane_shape, *colours), "biuf")
        axes = [name.upper() for name in self.image.metadata.dimension_names]
        place = place_of(index, "".join(axes), self.index_axes, self.plane_axes)
        row_axis = axes.index(self.plane_axes[0])
        levels = _colours_first_levels if is_rgb else image_levels
        with storage_errors(self.path):
            _write(self._image_levels, plane, place, row_axis, levels)

    def done(self, index: Sequence[int]) -> bool:
        """Whether `mark_done` was called for a plane, by any process."""
        return bool(self._progress[tuple(index)])

    def mark_done(self, index: Sequence[int]) -> None:
        """Note that a plane needs no more work, for whoever asks `done`."""
        with storage_errors(self.path):
            self._progress[tuple(index)] = 1


def _write(
    arrays: Sequence[Any],
    plane: NDArray[Any] | BandedPlane,
    place: Place,
    row_axis: int,
    levels_of: Callable[[NDArray[Any], int], Iterator[NDArray[Any]]],
) -> None:
    """Write a plane and its smaller versions, an array at once and others in bands."""
    key, order = place
    for rows in rows_of(plane):
        levels = levels_of(plane[rows], len(arrays))
        for level, (array, part) in enumerate(zip(arrays, levels, strict=True)):
            array[with_rows(key, row_axis, rows, level)] = part.transpose(order)


def _int32_levels(labels: NDArray[Any], n_levels: int) -> Iterator[NDArray[Any]]:
    _check_fits_int32(labels)
    return label_levels(labels.astype(np.int32, copy=False), n_levels)


def _colours_first_levels(plane: NDArray[Any], n_levels: int) -> Iterator[NDArray[Any]]:
    return (np.moveaxis(level, -1, 0) for level in image_levels(plane, n_levels))


def _check_fits_int32(labels: NDArray[np.integer[Any]]) -> None:
    if labels.size and labels.max() > np.iinfo(np.int32).max:
        raise InvalidImageError(
            f"Label {labels.max()} does not fit into int32; number the objects anew "
            f"from 1."
        )


def layout_of(
    path: Path, axes: str, shape: Sequence[int], options: Mapping[str, Any]
) -> tuple[LabelLayout, Path]:
    """Return what is to be written, and the OME-Zarr that is to hold it."""
    given = {name: value for name, value in options.items() if value is not None}
    place, name = split_label_path(path)
    if name is not None:
        # The image is there already.
        given |= {"name": name, "image_dtype": None}
    return LabelLayout(axes=axes.upper(), shape=tuple(shape), **given), place
