"""TIFF, OME-TIFF and ImageJ hyperstacks, read page by page."""

from __future__ import annotations

import threading
from math import prod
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_segment_anything.errors import InvalidImageError, UnreadableInputError
from napari_segment_anything.stacks.axes import KNOWN_AXES, UNNAMED_AXIS
from napari_segment_anything.stacks.opened import Opened
from napari_segment_anything.stacks.paged import PagedArray
from napari_segment_anything.stacks.validation import no_such_level, no_such_series

_OME_SIZES = {
    "X": ("PhysicalSizeX", "µm"),
    "Y": ("PhysicalSizeY", "µm"),
    "Z": ("PhysicalSizeZ", "µm"),
    "T": ("TimeIncrement", "s"),
}


class TiffPages:
    """Reads page by page from a TIFF file, which is opened when first needed.

    It can be pickled: the copy opens the file for itself.

    Parameters
    ----------
    path : Path
        The file.
    level : int, optional
        Resolution of a pyramid; 0 is the full one.
    series : int, optional
        Which image, where the file holds several.
    """

    def __init__(self, path: Path, level: int = 0, series: int = 0) -> None:
        self._path = path
        self._level = level
        self._series = series
        self._lock = threading.Lock()
        self._file: tifffile.TiffFile | None = None
        self._page_shape: tuple[int, ...] = ()

    def __reduce__(self) -> tuple[type[TiffPages], tuple[Path, int, int]]:
        return TiffPages, (self._path, self._level, self._series)

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def file(self) -> tifffile.TiffFile:
        """The open file."""
        if self._file is None:
            self._file = tifffile.TiffFile(self._path)
        return self._file

    @property
    def full(self) -> tifffile.TiffPageSeries:
        """The image series at full resolution."""
        found = self.file.series
        if not 0 <= self._series < len(found):
            raise InvalidImageError(
                no_such_series(self._path, len(found), self._series)
            )
        return found[self._series]

    @property
    def series(self) -> tifffile.TiffPageSeries:
        """The image series at the level."""
        levels = self.full.levels
        if not 0 <= self._level < len(levels):
            raise InvalidImageError(no_such_level(self._path, len(levels), self._level))
        return levels[self._level]

    def shrinkage(self) -> dict[str, float]:
        """Return by how much pixels along each axis are larger than at level 0."""
        full = self.full
        return {
            letter: whole / length
            for letter, whole, length in zip(
                full.get_axes(False),
                full.get_shape(False),
                self.series.get_shape(False),
                strict=True,
            )
        }

    def described(self) -> tuple[str, tuple[int, ...]]:
        """Return axis letters and shape, without the axes that are there for form."""
        series = self.series
        kept = [
            (letter if letter in KNOWN_AXES else UNNAMED_AXIS, length)
            for letter, length in zip(
                series.get_axes(False), series.get_shape(False), strict=True
            )
            if letter in series.axes or letter in "YX"
        ]
        return "".join(letter for letter, _ in kept), tuple(n for _, n in kept)

    def as_array(self) -> PagedArray:
        """Return the series as an array that reads the pages that are indexed."""
        _, shape = self.described()
        page_size = prod(self.series.keyframe.shape)
        n_inner = next(n for n in range(len(shape) + 1) if _size(shape, n) >= page_size)
        outer, inner = shape[: len(shape) - n_inner], shape[len(shape) - n_inner :]
        self._page_shape = inner
        return PagedArray(outer, inner, np.dtype(self.series.dtype), self)

    def __call__(self, number: int) -> NDArray[Any]:
        """Read one page; one thread at a time, as a file has one position."""
        with self._lock:
            shape = self._page_shape or self.as_array().inner_shape
            series = self.series
            if number < len(series.pages):
                page = series.pages[number]
                if page is None:
                    # OME files may lack planes that were never acquired.
                    return np.zeros(shape, series.dtype)
                return np.asarray(page.asarray()).reshape(shape)
            # ImageJ writes large hyperstacks as one page followed by raw pixels.
            pixels = tifffile.memmap(self._path, mode="r")
            return np.asarray(pixels.reshape((-1, *shape))[number])


def open_tiff(path: Path, *, level: int = 0, series: int = 0) -> Opened:
    """Open an image series of a TIFF file, without reading pixels.

    Parameters
    ----------
    path : Path
        A TIFF, BigTIFF, OME-TIFF or ImageJ file.
    level : int, optional
        Resolution of a pyramid, as slide scanners write them; 0 is the full one.
    series : int, optional
        Which image, where the file holds several, such as the positions of a stage.

    Raises
    ------
    UnreadableInputError
        If the file is no TIFF, holds no image, or is cut short.
    InvalidImageError
        If there is no such level or series.
    """
    pages = TiffPages(path, level, series)
    try:
        axes, _ = pages.described()
        data = pages.as_array()
        photometric = pages.series.keyframe.photometric
        sizes = _pixel_sizes(pages.file, series)
        n_series = len(pages.file.series)
        larger = pages.shrinkage()
    except InvalidImageError:
        raise
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        raise UnreadableInputError(
            f"{path} cannot be read as TIFF: {error}. It may be cut short or in "
            f"another format; copy it again or save it as TIFF."
        ) from error
    channel = None
    if "S" in axes[:-1]:
        # Planar RGB keeps a plane for each colour: a channel axis by another name.
        axes = axes.replace("S", UNNAMED_AXIS if "C" in axes else "C")
        if photometric == tifffile.PHOTOMETRIC.RGB:
            channel = (0, 1, 2)
    known = {axis: size for axis, size in sizes.items() if axis in axes}
    units = {axis: unit for axis, (_, unit) in known.items()}
    scale = {axis: size * larger.get(axis, 1) for axis, (size, _) in known.items()}
    # The centre of the first pixel moves when pixels grow.
    translate = {
        axis: (scale[axis] - size) / 2
        for axis, (size, _) in known.items()
        if scale[axis] != size
    }
    numbered = (series, n_series)
    return Opened(data, axes, channel, scale, units, path.stem, translate, numbered)


def _size(shape: tuple[int, ...], n_trailing: int) -> int:
    return prod(shape[len(shape) - n_trailing :])


def _pixel_sizes(file: tifffile.TiffFile, series: int) -> dict[str, tuple[float, str]]:
    """Return size and unit along each axis, as far as the file tells them."""
    if file.is_ome and file.ome_metadata:
        return _ome_pixel_sizes(file.ome_metadata, series)
    if file.is_imagej:
        return _imagej_pixel_sizes(file)
    return {}


def _ome_pixel_sizes(xml: str, series: int) -> dict[str, tuple[float, str]]:
    try:
        images = ElementTree.fromstring(xml).findall(".//{*}Pixels")
    except ElementTree.ParseError:
        return {}
    if not images:
        return {}
    # An image whose planes lie in another file may be missing here.
    pixels = images[min(series, len(images) - 1)]
    return {
        axis: (float(pixels.attrib[key]), pixels.get(f"{key}Unit", default_unit))
        for axis, (key, default_unit) in _OME_SIZES.items()
        if key in pixels.attrib
    }


def _imagej_pixel_sizes(file: tifffile.TiffFile) -> dict[str, tuple[float, str]]:
    metadata = file.imagej_metadata or {}
    unit = str(metadata.get("unit", "pixel"))
    # tifffile leaves ImageJ's own way of writing the micro sign as it is.
    unit = {"um": "µm", "micron": "µm", "\\u00B5m": "µm"}.get(unit, unit)
    sizes: dict[str, tuple[float, str]] = {}
    for axis, tag_name in (("Y", "YResolution"), ("X", "XResolution")):
        tag = file.pages.first.tags.get(tag_name)
        if tag is not None and unit != "pixel" and tag.value[0]:
            sizes[axis] = (tag.value[1] / tag.value[0], unit)
    if "spacing" in metadata:
        sizes["Z"] = (float(metadata["spacing"]), unit)
    if "finterval" in metadata:
        sizes["T"] = (float(metadata["finterval"]), "s")
    return sizes
