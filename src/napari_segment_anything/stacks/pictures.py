"""PNG and JPEG pictures, numpy files, and folders of frames."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.io import imread

from napari_segment_anything.errors import (
    InvalidAxesError,
    InvalidImageError,
    UnreadableInputError,
)
from napari_segment_anything.stacks.opened import Opened
from napari_segment_anything.stacks.paged import PagedArray
from napari_segment_anything.stacks.tiff import open_tiff

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
TIFF_SUFFIXES = (".tif", ".tiff")


def open_picture(path: Path) -> Opened:
    """Open a PNG, JPEG or BMP picture; three samples a pixel are RGB.

    Raises
    ------
    UnreadableInputError
        If the file cannot be decoded.
    """
    try:
        pixels = np.asarray(imread(path))
    # Pillow reports some broken PNG files as a SyntaxError.
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableInputError(
            f"{path} cannot be read as a picture: {error}. It may be cut short; "
            f"copy it again."
        ) from error
    axes = "YX" if pixels.ndim == 2 else "YXS"
    return Opened(pixels, axes, name=path.stem)


def open_numpy_file(path: Path) -> Opened:
    """Map a ``.npy`` file into memory; nothing is unpickled.

    Raises
    ------
    InvalidImageError
        If it holds Python objects instead of numbers.
    UnreadableInputError
        If it is cut short, or no numpy file.
    """
    try:
        data = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if "Python objects" in str(error) or "allow_pickle" in str(error):
            raise InvalidImageError(
                f"{path} holds Python objects (dtype object) or is no numpy file; "
                f"save a plain array of numbers with numpy.save."
            ) from error
        raise UnreadableInputError(
            f"{path} cannot be read as a numpy file: {error}. Save it again with "
            f"numpy.save."
        ) from error
    return Opened(MappedFile(path, data.shape, data.dtype), name=path.stem)


class MappedFile:
    """An array in a ``.npy`` file, of which only what is indexed is read.

    It can be pickled: the copy maps the file for itself when it is first read, where
    a mapped numpy array would travel with all of its pixels.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        Shape of the array.
    dtype : numpy.dtype
        Data type of the array.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._path = path
        self._mapped: NDArray[Any] | None = None
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)

    def __reduce__(
        self,
    ) -> "tuple[type[MappedFile], tuple[Path, tuple[int, ...], np.dtype[Any]]]":
        return MappedFile, (self._path, self.shape, self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole array."""
        return np.array(self[...], dtype=dtype, copy=copy)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return the part that a tuple of ints and slices names."""
        if self._mapped is None:
            self._mapped = np.load(self._path, mmap_mode="r", allow_pickle=False)
        part: NDArray[Any] = self._mapped[key]
        return part


def open_picture_file(path: Path, *, series: int = 0) -> Opened:
    """Open one TIFF, PNG, JPEG or BMP file; of a TIFF one of its images."""
    is_tiff = path.suffix.lower() in TIFF_SUFFIXES
    return open_tiff(path, series=series) if is_tiff else open_picture(path)


def open_frames(paths: Sequence[Path], *, name: str = "", series: int = 0) -> Opened:
    """See image files as the frames of one time-lapse.

    Only the first file is opened now; each other one when its frame is read.

    Parameters
    ----------
    paths : sequence of Path
        One file per frame, in the order of time.
    name : str, optional
        Name of the movie.
    series : int, optional
        Which image of each file, where TIFF files hold several.

    Raises
    ------
    UnreadableInputError
        If there is no file, or the first one cannot be read.
    InvalidAxesError
        If a frame is itself a time-lapse.
    """
    if not paths:
        raise UnreadableInputError("There are 0 frames; give at least one image file.")
    first = open_picture_file(paths[0], series=series)
    axes = first.axes or ""
    if "T" in axes:
        raise InvalidAxesError(
            f"{paths[0]} is a time-lapse by itself (axes {axes}), so a folder of such "
            f"files has no single time axis; open one of the files."
        )
    shape = tuple(first.data.shape)
    reader = FrameReader(tuple(paths), shape, series)
    data = PagedArray((len(paths),), shape, np.dtype(first.data.dtype), reader)
    return Opened(
        data,
        "T" + axes,
        first.channel,
        first.scale,
        first.units,
        name,
        series=first.series,
    )


def frames_in_folder(folder: Path) -> list[Path]:
    """List the image files of a folder in the order a person counts.

    Raises
    ------
    UnreadableInputError
        If there is none, or if they are of different kinds.
    """
    suffixes = (*TIFF_SUFFIXES, *PICTURE_SUFFIXES)
    paths = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    ]
    if not paths:
        raise UnreadableInputError(
            f"Folder {folder} holds no TIFF, PNG or JPEG files and is no zarr; give a "
            f"folder of frames, a TIFF file or a zarr."
        )
    kinds = {path.suffix.lower() in TIFF_SUFFIXES for path in paths}
    if len(kinds) > 1:
        raise UnreadableInputError(
            f"Folder {folder} mixes TIFF files with other pictures; move apart what "
            f"does not belong to the time-lapse."
        )
    return sorted(paths, key=_natural_order)


class FrameReader:
    """Reads the file of a frame, and checks that it fits the first one.

    Parameters
    ----------
    paths : tuple of Path
        One file per frame.
    shape : tuple of int
        Shape that each must have.
    series : int, optional
        Which image of each file.
    """

    def __init__(
        self, paths: tuple[Path, ...], shape: tuple[int, ...], series: int = 0
    ) -> None:
        self._paths = paths
        self._shape = shape
        self._series = series

    def __call__(self, number: int) -> NDArray[Any]:
        """Read one frame."""
        path = self._paths[number]
        data = open_picture_file(path, series=self._series).data
        if tuple(data.shape) != self._shape:
            raise InvalidImageError(
                f"Frame {path} has shape {tuple(data.shape)}, but the first frame has "
                f"{self._shape}; all frames must have one shape."
            )
        return np.asarray(data[(slice(None),) * len(self._shape)])


def _natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Order t2 before t10, and t02 next to t2."""
    return [
        (0, int(part), part) if part.isdigit() else (1, 0, part.lower())
        for part in re.split(r"(\d+)", path.name)
    ]
