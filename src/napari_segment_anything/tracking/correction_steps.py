"""A correction of tracks as a value that can be applied and taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_segment_anything.errors import SegmentAnythingError

Labels = npt.NDArray[np.integer]
Place = tuple[int, int]


class LabelFrames(Protocol):
    """Label images that are read and written frame by frame, (T, H, W)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, rows, columns."""

    def __getitem__(self, frame: int) -> Any:
        """Label image of a frame."""

    def __setitem__(self, frame: int, labels: Any) -> None:
        """Replace the label image of a frame."""


class InvalidCorrectionError(SegmentAnythingError, ValueError):
    """A correction does not fit the tracks."""


@dataclass(frozen=True, eq=False)
class PlaneChange:
    """Pixels of one frame before and after.

    Attributes
    ----------
    frame : int
        Position along the tracked axis.
    pixels : (n,) int array
        Flat indices into the frame.
    before, after : (n,) int arrays
        Track ids.
    """

    frame: int
    pixels: npt.NDArray[np.intp]
    before: Labels
    after: Labels

    @property
    def inverse(self) -> "PlaneChange":
        """What takes the change back."""
        return PlaneChange(self.frame, self.pixels, self.after, self.before)

    @property
    def ids(self) -> Labels:
        """Tracks that lose or get pixels, ascending."""
        ids = np.union1d(self.before, self.after)
        return ids[ids > 0]


@dataclass(frozen=True, eq=False)
class Correction:
    """One step that can be taken back.

    Attributes
    ----------
    changes : tuple of PlaneChange
        What happens to the label images.
    parents : mapping of int to int
        Parent of each track that has one, afterwards.
    locked : frozenset of (frame, id)
        Objects that are never changed by a computation, afterwards.
    apart : frozenset of int, optional
        Tracks that have no parent, and get none by a computation, afterwards; None: as
        before.
    """

    changes: tuple[PlaneChange, ...]
    parents: Mapping[int, int]
    locked: frozenset[Place]
    apart: frozenset[int] | None = None
