"""One object between divisions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Track:
    """One object from its birth to its end or division.

    Attributes
    ----------
    id : int
        Positive id, unique in its lineage.
    start, end : int
        First and last frame, both included.
    parent : int
        Id of the track that this one came from; 0 for none.
    frames : tuple of int
        Frames where the object was seen, ascending. A frame that is missing between
        `start` and `end` is a gap.
    detections : tuple of int
        For each of `frames`, the index into that frame's `MaskSet`.
    """

    id: int
    start: int
    end: int
    parent: int
    frames: tuple[int, ...]
    detections: tuple[int, ...]

    @property
    def has_gap(self) -> bool:
        """Whether the object is missing in a frame between start and end."""
        return len(self.frames) != self.end - self.start + 1

    @property
    def nodes(self) -> tuple[tuple[int, int], ...]:
        """Pairs (frame, detection), ascending in time."""
        return tuple(zip(self.frames, self.detections, strict=True))
