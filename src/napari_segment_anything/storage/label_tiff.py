"""Labels as one TIFF, for Fiji and whatever else reads images."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_segment_anything.storage.atomic import atomic_path, storage_errors

_OME_AXES = frozenset("TCZYX")
# Above, offsets in a file need 64 bits; compression may fail to make it smaller.
_MOST_BYTES = 2**32 - 2**25


def write_label_tiff(
    path: str | Path,
    labels: Any,
    axes: str,
    *,
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
) -> None:
    """Write labels as an OME-TIFF, one page after the other.

    Parameters
    ----------
    path : str or Path
        File that appears whole or not at all; one that is there is replaced.
    labels : array-like
        Integers from 0 on, with one length per axis; a zarr array is read plane by
        plane.
    axes : str
        Axis letters, such as ``"TYX"``. Others than TCZYX are those of a plain TIFF.
    scale, units : mapping of str to float or str, optional
        Pixel size along each axis, and its unit.

    Raises
    ------
    StorageError
        If the disk is full or the folder may not be written to.
    """
    shape = tuple(int(n) for n in labels.shape)
    with storage_errors(Path(path)):
        largest = max((int(page.max()) for page in _pages(labels)), default=0)
    # 16 bits are what most programs know how to colour.
    dtype = np.dtype(np.uint16 if largest < 2**16 else np.int32)
    is_ome = set(axes) <= _OME_AXES
    metadata: dict[str, Any] = {"axes": axes}
    if is_ome:
        metadata |= _physical_sizes(scale or {}, units or {})
    n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            data=(page.astype(dtype) for page in _pages(labels)),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            ome=is_ome,
            bigtiff=n_bytes > _MOST_BYTES,
            metadata=metadata,
        )


def _pages(labels: Any) -> Iterator[NDArray[np.integer[Any]]]:
    """Read the last two axes at each position along the others."""
    for index in np.ndindex(*labels.shape[:-2]):
        yield np.asarray(labels[index])


def _physical_sizes(
    scale: Mapping[str, float], units: Mapping[str, str]
) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for letter in "XYZ":
        if letter in units and letter in scale:
            sizes[f"PhysicalSize{letter}"] = scale[letter]
            sizes[f"PhysicalSize{letter}Unit"] = _symbol(units[letter])
    if "T" in units and "T" in scale:
        sizes["TimeIncrement"] = scale["T"]
        sizes["TimeIncrementUnit"] = _symbol(units["T"])
    return sizes


def _symbol(unit: str) -> str:
    """Return OME-TIFF's name of an OME-Zarr unit."""
    symbols = {
        "micrometer": "µm",
        "nanometer": "nm",
        "millimeter": "mm",
        "meter": "m",
        "second": "s",
        "minute": "min",
        "hour": "h",
        "millisecond": "ms",
    }
    return symbols.get(unit, unit)
