"""Label stacks on disk as OME-Zarr, written plane by plane."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_segment_anything.errors import InvalidImageError, StorageError
from napari_segment_anything.storage.atomic import storage_errors
from napari_segment_anything.storage.label_layout import (
    OWN_ATTRIBUTES,
    LabelLayout,
    is_free,
    write_layout,
)

_READ_ERRORS = (OSError, ValueError, LookupError, TypeError, RuntimeError)


class LabelStore:
    """An OME-Zarr 0.5 with a label image, and the image itself if wanted.

    A plane is one chunk and a chunk is replaced in one step, so that whatever stops a
    job, each plane is whole or as it was. `mark_done` keeps which planes need no more
    work. Make one with `create`, `open` or
    `open_or_create_labels`.

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
            root: Any = zarr.open_group(str(path), mode=mode)
            group = root[f"labels/{name}"]
            own = group.attrs[OWN_ATTRIBUTES]
            self.index_axes = str(own["index_axes"])
            self.plane_axes = str(own["plane_axes"])
            self.attributes: dict[str, Any] = dict(own["attributes"])
            multiscale = group.attrs["ome"]["multiscales"][0]
            self.axes = "".join(axis["name"] for axis in multiscale["axes"]).upper()
            self.labels: Any = group["0"]
            self.image: Any = root.get("0")
            self._progress: Any = group["progress"]
        except _READ_ERRORS as error:
            raise StorageError(
                f"{path} holds no label image {name!r} of this package ({error}); "
                f"choose another output."
            ) from error

    @classmethod
    def create(
        cls, path: str | Path, *, axes: str, shape: Sequence[int], **options: Any
    ) -> Self:
        """Make an OME-Zarr whose labels are all 0; it appears whole or not at all.

        Parameters
        ----------
        path : str or Path
            Folder that does not exist yet, such as ``movie.zarr``.
        axes : str
            Axis letters of the labels, such as ``"TYX"``.
        shape : sequence of int
            Length of each axis.
        **options
            ``scale``, ``units``, ``name``, ``plane_axes``, ``attributes``,
            ``image_dtype`` and ``is_rgb``, see `LabelLayout`.

        Raises
        ------
        StorageError
            If something is there already, or the disk is full.
        InvalidAxesError
            If the axes do not fit, or OME-Zarr cannot hold them.
        """
        layout = _layout(axes, shape, options)
        write_layout(Path(path), layout)
        return cls(Path(path), name=layout.name)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        mode: Literal["r", "r+"] = "r+",
    ) -> Self:
        """Open what `create` made; by default its only label image.

        Raises
        ------
        StorageError
            If there is no such label image.
        """
        return cls(Path(path), name=name or _first_name(path), mode=mode)

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
        self, index: Sequence[int], labels: NDArray[np.integer[Any]]
    ) -> None:
        """Replace the labels of one plane in one step.

        Parameters
        ----------
        index : sequence of int
            Position along each of `index_axes`.
        labels : numpy.ndarray
            (H, W) integers that fit into int32.

        Raises
        ------
        InvalidImageError
            If the labels are not such integers.
        StorageError
            If the disk is full.
        """
        _check_plane(labels, self.plane_shape, "biu")
        if labels.size and labels.max() > np.iinfo(np.int32).max:
            raise InvalidImageError(
                f"Label {labels.max()} does not fit into int32; number the objects "
                f"anew from 1."
            )
        key, order = _place(index, self.axes, self.index_axes, self.plane_axes)
        with storage_errors(self.path):
            self.labels[key] = labels.astype(np.int32).transpose(order)

    def read_plane(self, index: Sequence[int]) -> NDArray[np.int32]:
        """Read the labels (H, W) of one plane; 0 where nothing was written.

        Raises
        ------
        StorageError
            If the plane is damaged.
        """
        key, order = _place(index, self.axes, self.index_axes, self.plane_axes)
        try:
            stored: NDArray[np.int32] = np.asarray(self.labels[key])
        except _READ_ERRORS as error:
            raise StorageError(
                f"Labels of plane {tuple(index)} in {self.path} are damaged: {error}. "
                f"Remove {self.path} and run again."
            ) from error
        return stored.transpose(np.argsort(order))

    def write_image_plane(self, index: Sequence[int], plane: NDArray[Any]) -> None:
        """Replace one plane (H, W) or (H, W, 3) of the image in one step.

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
        _check_plane(plane, (*self.plane_shape, *colours), "biuf")
        if is_rgb:
            plane = np.moveaxis(plane, -1, 0)
        axes = [name.upper() for name in self.image.metadata.dimension_names]
        key, order = _place(index, "".join(axes), self.index_axes, self.plane_axes)
        with storage_errors(self.path):
            self.image[key] = plane.transpose(order)

    def done(self, index: Sequence[int]) -> bool:
        """Whether `mark_done` was called for a plane, by any process."""
        return bool(self._progress[tuple(index)])

    def mark_done(self, index: Sequence[int]) -> None:
        """Note that a plane needs no more work."""
        with storage_errors(self.path):
            self._progress[tuple(index)] = 1


_Place = tuple[tuple[int | slice, ...], list[int]]


def open_or_create_labels(
    path: str | Path, *, axes: str, shape: Sequence[int], **options: Any
) -> LabelStore:
    """Go on with the same work, or begin it; parameters as in `LabelStore.create`.

    What is there is the same work if axes, shape and attributes are equal.

    Raises
    ------
    StorageError
        If the result of other work is there.
    InvalidAxesError
        If the axes do not fit, or OME-Zarr cannot hold them.
    """
    layout = _layout(axes, shape, options)
    if is_free(Path(path)):
        return LabelStore.create(path, axes=axes, shape=shape, **options)
    store = LabelStore.open(path, name=layout.name)
    if not _is_same_work(store, layout):
        raise StorageError(
            f"{path} holds the result of another image, model or setting; choose "
            f"another output, remove it, or allow to overwrite it (--overwrite)."
        )
    return store


def _place(index: Sequence[int], axes: str, index_axes: str, plane_axes: str) -> _Place:
    """Return the key of a plane, and how its axes are ordered on disk."""
    position = dict(zip(index_axes, map(int, index), strict=True))
    is_colour = "C" in axes and "C" not in index_axes
    given = ("C" if is_colour else "") + plane_axes
    key = tuple(position.get(axis, slice(None)) for axis in axes)
    return key, [given.index(axis) for axis in axes if axis in given]


def _check_plane(plane: NDArray[Any], shape: tuple[int, ...], kinds: str) -> None:
    if plane.shape != shape or plane.dtype.kind not in kinds:
        what = "numbers" if "f" in kinds else "integers"
        raise InvalidImageError(
            f"A plane must hold {what} of shape {shape}, not {plane.dtype} of "
            f"{plane.shape}."
        )


def _layout(axes: str, shape: Sequence[int], options: Mapping[str, Any]) -> LabelLayout:
    given = {name: value for name, value in options.items() if value is not None}
    return LabelLayout(axes=axes.upper(), shape=tuple(shape), **given)


def _first_name(path: str | Path) -> str:
    try:
        listing: Any = zarr.open_group(str(Path(path) / "labels"), mode="r")
        return str(listing.attrs["ome"]["labels"][0])
    except _READ_ERRORS as error:
        raise StorageError(
            f"{path} holds no labels ({error}); check the path."
        ) from error


def _is_same_work(store: LabelStore, layout: LabelLayout) -> bool:
    return (
        store.lengths == layout.lengths
        and store.index_axes == layout.index_axes
        # JSON knows no tuples, so neither does what is compared.
        and store.attributes == json.loads(json.dumps(dict(layout.attributes)))
    )
