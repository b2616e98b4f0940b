"""What a tracking job says of the frames that it has just searched."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.engine.mask_set import MaskSet


@dataclass(frozen=True, eq=False)
class FrameProgress(Progress):
    """One more frame has been searched.

    Attributes
    ----------
    index : tuple of int
        Index of the frame in the stack.
    found : sequence of MaskSet
        Masks of this frame, last, and of those before it; to be looked at only.
    """

    index: tuple[int, ...] = ()
    found: Sequence[MaskSet] = field(default=(), repr=False)


@dataclass(frozen=True, eq=False)
class GrownFrame(Progress):
    """A frame that was just searched, with ids for the eye.

    Attributes
    ----------
    index : tuple of int
        Index of the frame in the stack.
    labels : (H, W) int32 array
        Ids that go on where masks overlap; not yet the tracks.
    """

    index: tuple[int, ...] = ()
    labels: npt.NDArray[np.int32] = field(
        default_factory=lambda: np.zeros((0, 0), np.int32), repr=False
    )
