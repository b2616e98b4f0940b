"""Corrections in words, such as ``cut 7 40``: what the buttons of the dock do."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.tracking.correction_forms import FORMS, PROMPT_FORM
from napari_segment_anything.tracking.correction_steps import InvalidCorrectionError


@dataclass(frozen=True)
class TrackStep:
    """One correction.

    Attributes
    ----------
    name : str
        One of `FORMS`, or ``prompt``.
    numbers : tuple of int
        Tracks and frames, as the form says; of a prompt its track (0 for the one that
        it fits) and its frame.
    inside, outside : tuple of (y, x)
        Points of a prompt, pixels.
    box : (y0, x0, y1, x1) or None
        Box of a prompt, pixels.
    """

    name: str
    numbers: tuple[int, ...]
    inside: tuple[tuple[float, float], ...] = ()
    outside: tuple[tuple[float, float], ...] = ()
    box: tuple[float, float, float, float] | None = None

    @property
    def needs_model(self) -> bool:
        """Whether the decoder is asked."""
        return self.name in ("prompt", "recompute")

    @property
    def points(self) -> npt.NDArray[np.float32]:
        """All points, those inside first, (P, 2)."""
        return np.array([*self.inside, *self.outside], np.float32).reshape(-1, 2)


def parse_steps(lines: Iterable[str]) -> tuple[TrackStep, ...]:
    """Read corrections, one a line; empty lines and what follows ``#`` are left out.

    Raises
    ------
    InvalidCorrectionError
        If a line says nothing that can be done; nothing has been done then.
    """
    bare = [line.partition("#")[0].split() for line in lines]
    return tuple(_step(words) for words in bare if words)


def _step(words: list[str]) -> TrackStep:
    name, rest = words[0], words[1:]
    try:
        if name == "prompt":
            return _prompt(rest)
        if name in FORMS:
            numbers = tuple(int(word) for word in rest)
            _, least, most = FORMS[name]
            if least <= len(numbers) <= most:
                return TrackStep(name, numbers)
    except (ValueError, IndexError):
        pass
    forms = [f"{known} {form}" for known, (form, _, _) in FORMS.items()]
    wanted = [PROMPT_FORM] if name == "prompt" else [f for f in forms if name in f]
    raise InvalidCorrectionError(
        f"{' '.join(words)!r} is no correction; write "
        f"{'; or '.join(wanted or [*forms, PROMPT_FORM])}."
    )


def _prompt(words: list[str]) -> TrackStep:
    track = 0 if words[0] == "?" else int(words[0])
    frame, rest = int(words[1]), words[2:]
    points: dict[str, list[tuple[float, float]]] = {"at": [], "not": []}
    box = None
    while rest:
        word, rest = rest[0], rest[1:]
        if word == "box":
            y0, x0, y1, x1 = (float(v) for v in rest[:4])
            box, rest = (min(y0, y1), min(x0, x1), max(y0, y1), max(x0, x1)), rest[4:]
        else:
            y, x = (float(v) for v in rest[:2])
            if word not in points:
                raise ValueError(word)
            points[word].append((y, x))
            rest = rest[2:]
    if box is None and not points["at"]:
        raise ValueError("no object")
    inside, outside = tuple(points["at"]), tuple(points["not"])
    return TrackStep("prompt", (track, frame), inside, outside, box)
