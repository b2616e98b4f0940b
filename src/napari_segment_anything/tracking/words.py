"""How objects move, change and divide, in words that a person would choose."""

from dataclasses import dataclass, replace

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.tracking.settings import LinkingSettings

AS_ESTIMATED = "as estimated"
# Farthest and typical way from one frame to the next, in diameters.
MOVES = {
    "hardly": (1.0, 0.1),
    "about a quarter of their size": (1.5, 0.25),
    "about half their size": (2.5, 0.5),
    "their own size or more": (4.0, 1.0),
}
# Typical logarithm of the ratio of areas.
CHANGES = {"hardly": 0.2, "as cells do": 0.35, "a lot": 0.7}


@dataclass(frozen=True)
class MotionWords:
    """Answers of a person; each may be left to what the movie says.

    Attributes
    ----------
    moves : str
        One of `MOVES`, or ``"as estimated"``.
    changes : str
        One of `CHANGES`, or ``"as estimated"``.
    divides : bool or None
        None: as estimated.
    hidden_frames : int or None
        For how many frames an object may be hidden; None: as estimated.

    Raises
    ------
    InvalidSettingsError
        If a word is not known.
    """

    moves: str = AS_ESTIMATED
    changes: str = AS_ESTIMATED
    divides: bool | None = None
    hidden_frames: int | None = None

    def __post_init__(self) -> None:
        for word, known in ((self.moves, MOVES), (self.changes, CHANGES)):
            if word != AS_ESTIMATED and word not in known:
                raise InvalidSettingsError(
                    f"{word!r} is none of {[AS_ESTIMATED, *known]}; choose one of them."
                )

    @property
    def needs_estimate(self) -> bool:
        """Whether the movie has to be looked at."""
        return self.moves == AS_ESTIMATED

    def settings(self, estimated: LinkingSettings | None = None) -> LinkingSettings:
        """Return settings for linking; what was left open comes from the estimate."""
        chosen = estimated or LinkingSettings()
        if self.moves != AS_ESTIMATED:
            farthest, typical = MOVES[self.moves]
            chosen = replace(chosen, max_distance=farthest, motion_scale=typical)
        if self.changes != AS_ESTIMATED:
            chosen = replace(chosen, area_scale=CHANGES[self.changes])
        if self.divides is not None:
            chosen = replace(chosen, division=self.divides)
        if self.hidden_frames is not None:
            chosen = replace(chosen, gap_frames=self.hidden_frames)
        return chosen


def describe(settings: LinkingSettings) -> str:
    """Say in a sentence what settings mean."""
    way = f"{settings.motion_scale:.0%} of their size"
    course = ""
    if settings.persistence > 0.3:
        course = ", keep their course"
    if settings.coherence > 0.3:
        course += ", flow together"
    divide = "divide" if settings.division else "do not divide"
    hidden = settings.gap_frames
    frames = f"may be hidden for {hidden} frame{'s' if hidden != 1 else ''}"
    if hidden == 0:
        frames = "are never hidden"
    return f"Objects move by about {way} a frame{course}, {divide}, and {frames}."
