"""Open anything that holds an image as a stack."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from napari_segment_anything.errors import (
    InvalidImageError,
    SeveralImagesWarning,
    UnreadableInputError,
)
from napari_segment_anything.stacks.axes import (
    UNNAMED_AXIS,
    axes_from_names,
    infer_axes,
    name_unnamed_axis,
    parse_axes,
)
from napari_segment_anything.stacks.opened import Opened
from napari_segment_anything.stacks.paged import PagedArray
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.stacks.validation import no_such_level, no_such_series

Value = TypeVar("Value")


def open_stack(
    source: Any,
    *,
    axes: str | None = None,
    channel: int | tuple[int, ...] | None = None,
    level: int = 0,
    series: int | None = None,
    plane_axes: Sequence[str] = "YX",
    unnamed: str | None = None,
) -> Stack:
    """Open a path, an array or a list as a stack of planes; no plane is read yet.

    Parameters
    ----------
    source : path, array-like or list
        A TIFF, OME-TIFF, ImageJ, PNG, JPEG or ``.npy`` file, a folder of frames, a zarr
        array or OME-Zarr (folder or address); an array of numpy, dask, zarr,
        tensorstore or xarray; a list of files or of arrays of one shape (frames), or
        of arrays of falling size (resolution levels).
    axes : str, optional
        One letter of ``TPCZYXS`` per dimension; wins over what the file says.
    channel : int or tuple of int, optional
        See `Stack`.
    level : int, optional
        Resolution level, where there are several; 0 is the full one.
    series : int, optional
        Which image of a file that holds several, such as the positions of a stage in
        an OME-TIFF. By default the first, with a `SeveralImagesWarning`.
    plane_axes : sequence of str, optional
        Axes that become the rows and the columns of a plane, such as ``"ZX"``.
    unnamed : str, optional
        Letter for the one axis that a file does not name, such as the pages of a plain
        TIFF. By default that is an error, as pages may be frames or slices.

    Raises
    ------
    UnreadableInputError
        If the path does not exist, is empty, or cannot be read.
    InvalidAxesError
        If axes are ambiguous or do not fit.
    InvalidImageError
        If the image is empty or holds no plain numbers.
    """
    if isinstance(source, Stack):
        return source
    opened, place = _opened(source, level, series or 0)
    _check_series(opened, place, series)
    letters = _settled_axes(opened, axes, unnamed)
    if channel is None and "C" in letters:
        channel = opened.channel
    return Stack(
        opened.data,
        letters,
        channel=channel,
        plane_axes=plane_axes,
        scale=_of_axes(opened.scale, letters),
        units=_of_axes(opened.units, letters),
        translate=_of_axes(opened.translate, letters),
        name=opened.name,
        source=place,
        series=opened.series,
    )


def check_is_stack(stack: object) -> None:
    """Raise `InvalidImageError` for an array or a path that was not opened yet."""
    if isinstance(stack, Stack):
        return
    kind = type(stack).__name__
    is_place = isinstance(stack, str | os.PathLike)
    how = "open_stack(path)" if is_place else "open_stack(array, axes='TYX')"
    raise InvalidImageError(
        f"A {kind} is no stack, which knows what its axes are; open it with {how}."
    )


def _check_series(opened: Opened, place: str, wanted: int | None) -> None:
    number, n_series = opened.series
    if wanted is None and n_series > 1:
        warnings.warn(
            f"{place or 'Each file'} holds {n_series} images, of which number "
            f"{number} is read; choose one by series=0 to series={n_series - 1}.",
            SeveralImagesWarning,
            stacklevel=3,
        )
    if wanted not in (None, number):
        raise InvalidImageError(no_such_series(place, n_series, int(wanted or 0)))


def _opened(source: Any, level: int, series: int) -> tuple[Opened, str]:
    """Return what a source holds, and its path or address if it has one."""
    if isinstance(source, str | os.PathLike):
        place = str(os.fspath(source))
        return _open_location(place, level, series), place
    if isinstance(source, Sequence):
        return _open_sequence(source, level, series), ""
    return _open_array(source, level), ""


def _of_axes(told: Mapping[str, Value], axes: str) -> dict[str, Value]:
    return {axis: value for axis, value in told.items() if axis in axes}


def _settled_axes(opened: Opened, axes: str | None, unnamed: str | None) -> str:
    shape, dtype = opened.data.shape, opened.data.dtype
    if axes is not None:
        is_rgb = opened.axes is not None and opened.axes.endswith("S")
        if is_rgb and len(axes) == len(shape) - 1 and "S" not in axes.upper():
            # The file knows that it is RGB; a person names the other axes.
            axes += "S"
        return parse_axes(axes, shape)
    if opened.axes is not None:
        return name_unnamed_axis(opened.axes, shape, unnamed)
    if unnamed is not None and len(shape) == 3:
        return name_unnamed_axis(UNNAMED_AXIS + "YX", shape, unnamed)
    return infer_axes(shape, getattr(dtype, "numpy_dtype", dtype))


def _open_location(location: str, level: int, series: int) -> Opened:
    if "://" in location:
        from napari_segment_anything.stacks.zarr_source import open_zarr

        return open_zarr(location, level=level, series=series)
    path = Path(location).expanduser()
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be reached: {error}.") from error
    if not is_folder and not is_file:
        raise UnreadableInputError(
            f"There is no file or folder {path}; check the path."
        )
    try:
        opener = _open_folder if is_folder else _open_file
        return opener(path, level, series)
    except PermissionError as error:
        raise UnreadableInputError(
            f"{path} may not be read: {error.strerror}; ask for permission to read it."
        ) from error


def _open_folder(folder: Path, level: int, series: int) -> Opened:
    from napari_segment_anything.stacks.pictures import frames_in_folder, open_frames
    from napari_segment_anything.stacks.zarr_source import is_zarr, open_zarr

    if is_zarr(folder):
        return open_zarr(folder, level=level, series=series)
    _check_single(folder, level)
    return open_frames(frames_in_folder(folder), name=folder.name, series=series)


def _check_single(place: object, level: int) -> None:
    if level != 0:
        raise InvalidImageError(no_such_level(place, 1, level))


def _open_file(path: Path, level: int, series: int) -> Opened:
    from napari_segment_anything.stacks.pictures import (
        PICTURE_SUFFIXES,
        TIFF_SUFFIXES,
        open_numpy_file,
        open_picture,
    )
    from napari_segment_anything.stacks.tiff import open_tiff

    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise UnreadableInputError(f"{path} is an empty file; copy it again.")
    if suffix in TIFF_SUFFIXES:
        return open_tiff(path, level=level, series=series)
    _check_single(path, level)
    if suffix == ".npy":
        return open_numpy_file(path)
    if suffix in PICTURE_SUFFIXES:
        return open_picture(path)
    raise UnreadableInputError(
        f"{path} has the ending {suffix or 'none'!r}, which is not known; give a TIFF, "
        f"PNG, JPEG, .npy or zarr, or a folder of frames."
    )


def _open_sequence(source: Sequence[Any], level: int, series: int) -> Opened:
    if not source:
        raise InvalidImageError("The list holds 0 frames; there is nothing to segment.")
    if all(isinstance(item, str | os.PathLike) for item in source):
        from napari_segment_anything.stacks.pictures import open_frames

        return open_frames([Path(item) for item in source], series=series)
    if not all(hasattr(item, "shape") for item in source):
        return _open_array(np.asarray(source), level)
    shapes = [tuple(item.shape) for item in source]
    if len(source) > 1 and len(set(shapes)) == 1:
        first = source[0]
        inner = infer_axes(shapes[0], first.dtype)
        frames = PagedArray(
            (len(source),), shapes[0], np.dtype(first.dtype), _Frames(source)
        )
        return Opened(frames, "T" + inner)
    if not 0 <= level < len(source):
        raise InvalidImageError(no_such_level("The image", len(source), level))
    return _open_array(source[level], 0)


def _open_array(array: Any, level: int) -> Opened:
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise InvalidImageError(
            f"A {type(array).__name__} is no image; give a path or an array with shape "
            f"and dtype."
        )
    module = type(array).__module__.partition(".")[0]
    if module == "zarr":
        from napari_segment_anything.stacks.zarr_source import open_zarr_node

        return open_zarr_node(array, level=level)
    names = getattr(array, "dims", None) if module == "xarray" else None
    return Opened(array, axes_from_names(names))


class _Frames:
    """Reads frames from a list of arrays."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = arrays

    def __call__(self, number: int) -> np.ndarray[Any, Any]:
        return np.asarray(self._arrays[number])
