"""Where a job puts its labels: an OME-Zarr that can be continued, or an array."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.replacement import Replacement, replacement
from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.stacks.array_like import ArrayLike
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.places import places_of
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.atomic import replaced
from napari_segment_anything.storage.embedding_store import plane_key
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.label_work import (
    check_room,
    existing_labels,
    open_or_create_labels,
)

Labels = npt.NDArray[np.integer] | BandedPlane

_ROWS_AT_ONCE = 4096


class LabelOutput(Protocol):
    """What jobs need of an output; a `LabelStore` has it."""

    def write_plane(self, index: Sequence[int], labels: Labels) -> None:
        """Replace the labels of one plane."""

    def read_plane(
        self, index: Sequence[int], rows: slice | None = None
    ) -> npt.NDArray[np.int32]:
        """Return the labels of one plane, or of some of its rows."""

    def done(self, index: Sequence[int]) -> bool:
        """Whether a plane needs no more work."""

    def mark_done(self, index: Sequence[int]) -> None:
        """Note that a plane needs no more work."""


class ArrayOutput:
    """Labels in an array: (*index axes, H, W) int32.

    Parameters
    ----------
    stack : Stack
        What the labels are of.
    array : numpy.ndarray, optional
        Where they are written to, or what is read and written plane by plane like one;
        by default a new array in memory.
    """

    def __init__(
        self, stack: Stack, array: npt.NDArray[np.int32] | None = None
    ) -> None:
        shape = (*stack.index_shape, *stack.plane_shape)
        self.array = np.zeros(shape, np.int32) if array is None else array
        self._done: set[tuple[int, ...]] = set()

    def write_plane(self, index: Sequence[int], labels: Labels) -> None:
        """Replace the labels of one plane."""
        self.array[tuple(index)] = labels

    def read_plane(
        self, index: Sequence[int], rows: slice | None = None
    ) -> npt.NDArray[np.int32]:
        """Return the labels of one plane, or of some of its rows."""
        plane: npt.NDArray[np.int32] = np.asarray(self.array[tuple(index)])
        return plane if rows is None else plane[rows]

    def done(self, index: Sequence[int]) -> bool:
        """Whether a plane needs no more work."""
        return tuple(index) in self._done

    def mark_done(self, index: Sequence[int]) -> None:
        """Note that a plane needs no more work."""
        self._done.add(tuple(index))


def open_output(
    output: LabelStore | ArrayOutput | str | Path | None,
    stack: Stack,
    *,
    record: Mapping[str, Any],
    overwrite: bool = False,
    copy_image: bool = True,
    start: ArrayLike | None = None,
) -> LabelStore | ArrayOutput:
    """Open the output of a job, continuing an earlier run of the same job.

    Parameters
    ----------
    output : LabelStore, ArrayOutput, path or None
        An OME-Zarr to be made or continued, or ``image.zarr/labels/NAME`` in an image
        that exists; None keeps labels in memory.
    stack : Stack
        The input; gives axes, scale and units.
    record : mapping
        All that the labels depend on. An output with another record is another job's.
    overwrite : bool
        Whether labels of another job may be replaced. An image that is read stays: if
        it lies in the OME-Zarr that is the output, only the labels are replaced.
    copy_image : bool
        Whether there is to be room for the image beside its labels.
    start : array-like, optional
        Labels that the job reads, too.

    Raises
    ------
    StorageError
        Something else is there, the labels that are read are, or the place cannot be
        written.
    """
    if output is None:
        return ArrayOutput(stack)
    if isinstance(output, LabelStore | ArrayOutput):
        return output
    path, layout = Path(output), _layout_of(stack, record, copy_image)
    if not overwrite:
        return open_or_create_labels(path, **layout)
    found = _replacement(path, stack, start)
    if found.removed is None:
        return open_or_create_labels(found.output, **layout)
    with replaced(found.removed):
        return open_or_create_labels(found.output, **layout)


def labels_of_earlier_run(
    output: str | Path,
    stack: Stack,
    *,
    record: Mapping[str, Any],
    overwrite: bool = False,
    copy_image: bool = True,
    start: ArrayLike | None = None,
) -> LabelStore | None:
    """Open what an earlier run of the same job left; None if all is to be done.

    Parameters are those of `open_output`, but nothing is written.

    Raises
    ------
    StorageError
        Something else is there, or what is read.
    InvalidAxesError
        OME-Zarr cannot hold the axes.
    """
    layout = _layout_of(stack, record, copy_image)
    if not overwrite:
        return existing_labels(output, **layout)
    check_room(_replacement(Path(output), stack, start).output, **layout)
    return None


def _replacement(path: Path, stack: Stack, start: ArrayLike | None) -> Replacement:
    return replacement(path, [*places_of(stack), *places_of(start)])


def _layout_of(
    stack: Stack, record: Mapping[str, Any], copy_image: bool
) -> dict[str, Any]:
    return {
        "axes": stack.index_axes + "".join(stack.plane_axes),
        "shape": (*stack.index_shape, *stack.plane_shape),
        "scale": stack.scale,
        "units": stack.units,
        "translate": stack.translate,
        "plane_axes": stack.plane_axes,
        # The record must equal itself after a round trip through the file.
        "attributes": json.loads(json.dumps(record)),
        "image_dtype": stack.dtype if copy_image else None,
        "is_rgb": stack.is_rgb,
    }


def largest_label(output: LabelOutput, index: Sequence[int], n_rows: int) -> int:
    """Return the largest label of a plane of so many rows, some rows at a time."""
    starts = range(0, n_rows, _ROWS_AT_ONCE)
    parts = [slice(start, min(start + _ROWS_AT_ONCE, n_rows)) for start in starts]
    return max(int(output.read_plane(index, part).max()) for part in parts)


def fingerprint(stack: Stack) -> str:
    """Return a digest of the shape and of three planes of a stack.

    Enough to tell an input from another at the same path, at the cost of reading
    three planes.
    """
    facts = (stack.axes, stack.shape, stack.channels, stack.plane_axes)
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    last = stack.n_planes - 1
    for number in sorted({0, last // 2, last}):
        place = np.unravel_index(number, stack.index_shape) if stack.index_axes else ()
        plane = plane_of(stack, tuple(int(i) for i in place))
        geometry = FrameGeometry(stack.plane_shape, 1)
        key = plane_key(
            plane, intensity_range=(0, 1), geometry=geometry, model_digest=""
        )
        digest.update(key.encode())
    return digest.hexdigest()
