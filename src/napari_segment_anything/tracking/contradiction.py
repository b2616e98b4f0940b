"""One place where the masks of a frame contradict those of its neighbour."""

from dataclasses import dataclass
from typing import Literal

from napari_segment_anything.engine.mask_set import MaskSet

BreakKind = Literal["missing", "hidden", "merged", "fragments", "changed", "divided"]


@dataclass(frozen=True, eq=False)
class Break:
    """A place where the masks of a frame contradict those of its neighbour.

    Attributes
    ----------
    kind : str
        ``missing``: a track ends or starts here. ``hidden``: it goes on later.
        ``merged``: one mask holds two objects. ``fragments``: several masks are one
        object. ``changed``: a mask differs from those before and after. ``divided``:
        two masks are daughters, but may be one object still.
    frame : int
        Where masks are missing or wrong.
    expected : MaskSet
        The objects that should be there, as their neighbouring frame has them, moved
        by the estimated motion.
    replaces : tuple of int
        Detections of the frame that these objects would replace.
    direction : int
        1 or -1 where a track is carried on forwards or backwards in time, else 0.
    areas : (float, float) or None
        Of a division: the mother's area before, and that of both daughters after.
    """

    kind: BreakKind
    frame: int
    expected: MaskSet
    replaces: tuple[int, ...]
    direction: int = 0
    areas: tuple[float, float] | None = None

    @property
    def key(self) -> tuple[int | str, ...]:
        """What tells this question from another one."""
        boxes = (int(v) for v in self.expected.boxes.ravel())
        return (self.kind, self.frame, *boxes)
