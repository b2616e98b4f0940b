"""How an input was understood, because a wrong guess looks like a poor result."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_segment_anything.stacks.stack import Stack

# What the planes along an axis are called.
_NUMBERED = {"T": "frame", "Z": "slice"}


def reading_of(stack: "Stack") -> dict[str, Any]:
    """Describe how an input was read, as figures that JSON can hold.

    Returns
    -------
    dict
        ``axes`` and ``shape`` of the input, before any projection; ``channels`` that
        are looked at, empty without a channel axis; ``plane_axes``; ``projection``
        such as ``"max along Z"``, or None; ``selection``: ``[start, step]`` of each
        axis of which a part is looked at that does not begin at 0 or leaves some out;
        and ``series``, which of the ``n_series`` images in the file.
    """
    from napari_segment_anything.batch.track_projection import Projected

    projection = None
    if isinstance(stack.data, Projected):
        projection = f"{stack.data.how} along {stack.data.axis}"
        stack = stack.data.stack
    return {
        "axes": stack.axes,
        "shape": list(stack.shape),
        "channels": list(stack.channels),
        "plane_axes": "".join(stack.plane_axes),
        "projection": projection,
        "selection": {
            axis: [numbers.start, numbers.step]
            for axis, numbers in stack.kept.items()
            if (numbers.start, numbers.step) != (0, 1)
        },
        "series": stack.series[0],
        "n_series": stack.series[1],
    }


def reading_line(reading: Mapping[str, Any]) -> str:
    """Say in a line how an input was read."""
    lengths = " × ".join(str(length) for length in reading["shape"])
    parts = [f"image read as {reading['axes']}, {lengths}"]
    if reading["n_series"] > 1:
        parts.append(
            f"image {reading['series']} of {reading['n_series']} in the file is used, "
            "--series N takes another"
        )
    n_channels = dict(zip(reading["axes"], reading["shape"], strict=True)).get("C", 1)
    if n_channels > 1:
        parts += [
            _channels(reading["channels"], n_channels),
            "C is channels: if these are frames or slices, say so by --axes",
        ]
    if reading["plane_axes"] != "YX":
        parts.append(f"planes are {reading['plane_axes']}")
    if reading["projection"]:
        parts.append(f"projected: {reading['projection']}")
    for axis, (start, step) in reading["selection"].items():
        projected_away = (reading["projection"] or "").endswith(f"along {axis}")
        if not projected_away:
            parts.append(_numbering(_NUMBERED.get(axis, axis), start, step))
    return "; ".join(parts) + "\n"


def say_stretch(stack: "Stack") -> None:
    """Say on the error stream if planes are stretched for the model."""
    from napari_segment_anything.stacks.square import stretch_of

    stretch = stretch_of(stack)
    if stretch.is_needed:
        n, longer = max(
            (stretch.rows, "high as wide"), (stretch.columns, "wide as high")
        )
        sys.stderr.write(
            f"pixels of a plane are about {n} times as {longer}; the model sees planes "
            "stretched so much\n"
        )


def _numbering(word: str, start: int, step: int) -> str:
    """Say how numbers in the results, which count from 0, are those of the input."""
    then = "" if step == 1 else f", {word} 1 is {word} {start + step}"
    return f"{word} 0, here and in all results, is {word} {start} of the input{then}"


def _channels(chosen: list[int], n_channels: int) -> str:
    if len(chosen) > 1:
        numbers = ", ".join(map(str, chosen))
        return f"channels {numbers} of {n_channels} composed to colours"
    return f"channel {chosen[0]} of {n_channels} is used, --channel N takes another"
