"""Words for what lies along the axis that objects are followed along."""

from __future__ import annotations

import re

NO_FRAME = "Show one frame in 2-D, then correct it."
_THROUGH_DEPTH = {"frame": "slice", "movie": "stack"}


def counted(number: int, noun: str) -> str:
    """Return a number of things in words, such as ``1 track`` or ``2 tracks``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def worded(text: str, along: str) -> str:
    """Speak of slices of a stack where objects are followed through depth.

    Parameters
    ----------
    text : str
        About tracks, in the words of time.
    along : str
        The axis that objects are followed along.
    """
    if along != "Z":
        return text

    def word(found: re.Match[str]) -> str:
        other = _THROUGH_DEPTH[found[1].lower()]
        return other.capitalize() if found[1][0].isupper() else other

    return re.sub(r"\b(frame|movie)(?=s?\b)", word, text, flags=re.IGNORECASE)
