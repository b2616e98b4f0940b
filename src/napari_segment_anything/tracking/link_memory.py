"""What linking remembers, so that frames that did not change are not linked again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_segment_anything.tracking.affinity import FloatArray, IndexArray
from napari_segment_anything.tracking.fragments import REACH, fragments_of
from napari_segment_anything.tracking.graph import Node
from napari_segment_anything.tracking.motion import global_displacement
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings


@dataclass(frozen=True, eq=False)
class LinkedPair:
    """The links between two frames, and all that they depend on.

    `links` has a row for each: detection of the earlier frame, of the later one.
    """

    before: FrameObjects
    after: FrameObjects
    residual: FloatArray
    known: tuple[object, ...]
    links: IndexArray
    shift: FloatArray
    motion: FloatArray

    def is_for(
        self,
        before: FrameObjects,
        after: FrameObjects,
        residual: FloatArray,
        known: tuple[object, ...],
    ) -> bool:
        """Whether these are the links of two frames as they are now."""
        return (
            self.before is before
            and self.after is after
            and self.known == known
            and np.array_equal(self.residual, residual)
        )


@dataclass(eq=False)
class LinkMemory:
    """What linking remembers, so that frames that did not change are not linked again.

    Attributes
    ----------
    settings : LinkingSettings or None
        Estimated at first, if not given.
    diameter : float
        A typical object's diameter, measured at first, pixels.
    pairs : dict
        By the earlier frame.
    shifts : dict
        By the earlier frame: both frames, and how the whole picture moves.
    fragments : dict
        By frame: the frames around it, and what of it is but fragments.
    """

    settings: LinkingSettings | None = None
    diameter: float = 0.0
    pairs: dict[int, LinkedPair] = field(default_factory=dict)
    shifts: dict[int, tuple[FrameObjects, FrameObjects, FloatArray]] = field(
        default_factory=dict
    )
    fragments: dict[int, tuple[tuple[FrameObjects, ...], frozenset[int]]] = field(
        default_factory=dict
    )

    def shift(self, objects: Sequence[FrameObjects], t: int) -> FloatArray:
        """How the whole picture moves from frame t to the next, pixels."""
        before, after = objects[t], objects[t + 1]
        found = self.shifts.get(t)
        if found is None or found[0] is not before or found[1] is not after:
            shift = global_displacement(
                before.centroids, after.centroids, scale=self.diameter
            )
            found = self.shifts[t] = (before, after, shift)
        return found[2]

    def left_out(
        self,
        objects: Sequence[FrameObjects],
        shifts: FloatArray,
        t: int,
        kept: Collection[Node],
    ) -> frozenset[int]:
        """Find detections of a frame that are but fragments."""
        around = tuple(objects[max(t - REACH, 0) : t + REACH + 1])
        found = self.fragments.get(t)
        if found is None or not (
            len(found[0]) == len(around)
            and all(a is b for a, b in zip(found[0], around, strict=True))
        ):
            found = (around, fragments_of(objects, shifts, t, kept))
            self.fragments[t] = found
        return found[1]
