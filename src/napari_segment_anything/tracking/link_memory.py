"""What linking remembers, so that frames that did not change are not linked again."""

from dataclasses import dataclass, field

import numpy as np

from napari_segment_anything.tracking.affinity import FloatArray
from napari_segment_anything.tracking.graph import Node
from napari_segment_anything.tracking.objects import FrameObjects
from napari_segment_anything.tracking.settings import LinkingSettings


@dataclass(frozen=True, eq=False)
class LinkedPair:
    """The links between two frames, and all that they depend on."""

    before: FrameObjects
    after: FrameObjects
    residual: FloatArray
    known: tuple[object, ...]
    links: tuple[tuple[Node, Node], ...]
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
    """

    settings: LinkingSettings | None = None
    diameter: float = 0.0
    pairs: dict[int, LinkedPair] = field(default_factory=dict)
