"""Pictures of a result: contours and track tails over the frames."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from skimage.color import hsv2rgb
from skimage.transform import resize

# Digits of the frame numbers, five rows of three pixels each.
_DIGITS = {
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001010010010",
    "8": "111101111101111",
    "9": "111101111001111",
}
_DIGIT_SCALE = 3
_GAP = 4
_GOLDEN_RATIO = 0.61803398875

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class OverlayFrame:
    """One frame of an overlay.

    Attributes
    ----------
    number : int
        Printed in the corner.
    image : numpy.ndarray
        (H, W, 3) uint8.
    labels : numpy.ndarray
        (H, W) integers; 0 is ground, anything else the id that sets the colour.
    tails : mapping of int to numpy.ndarray
        For each id the (n, 2) positions (y, x) in pixels that its object came from,
        oldest first.
    """

    number: int
    image: Rgb
    labels: NDArray[np.integer]
    tails: Mapping[int, NDArray[np.floating]]


def track_colours(ids: NDArray[np.integer]) -> Rgb:
    """Return an RGB colour (n, 3) uint8 for each id; near ids differ most in hue."""
    ids = np.asarray(ids, np.float64)
    hue = (ids * _GOLDEN_RATIO) % 1.0
    saturation = np.where(ids % 2 == 0, 0.6, 0.95)
    hsv = np.stack([hue, saturation, np.ones_like(hue)], axis=-1)
    return np.asarray(np.rint(255 * hsv2rgb(hsv)), np.uint8)


def draw_frame(frame: OverlayFrame, *, side: int = 480) -> Rgb:
    """Draw one frame with contours and tails, its longest side `side` pixels."""
    height, width = frame.labels.shape
    scale = side / max(height, width)
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    resized = resize(  # type: ignore[no-untyped-call]
        frame.image, (*shape, 3), order=1, anti_aliasing=scale < 1
    )
    canvas: Rgb = np.rint(255 * resized).astype(np.uint8)
    # Nearest neighbours: resampled ids must stay ids.
    rows = np.minimum((np.arange(shape[0]) + 0.5) / scale, height - 1).astype(int)
    columns = np.minimum((np.arange(shape[1]) + 0.5) / scale, width - 1).astype(int)
    labels = frame.labels[np.ix_(rows, columns)]
    edge = _inner_border(labels)
    canvas[edge] = track_colours(labels[edge])
    for track_id, positions in frame.tails.items():
        _draw_tail(canvas, (positions + 0.5) * scale - 0.5, track_id)
    _draw_number(canvas, frame.number)
    return canvas


def contact_sheet(frames: Sequence[OverlayFrame], *, side: int = 480) -> Rgb:
    """Draw frames side by side in a grid, in reading order."""
    pictures = [draw_frame(frame, side=side) for frame in frames]
    n_columns = int(np.ceil(np.sqrt(len(pictures))))
    n_rows = int(np.ceil(len(pictures) / n_columns))
    height, width, _ = np.max([picture.shape for picture in pictures], axis=0)
    sheet = np.full(
        (n_rows * (height + _GAP) - _GAP, n_columns * (width + _GAP) - _GAP, 3),
        255,
        np.uint8,
    )
    for i, picture in enumerate(pictures):
        top = i // n_columns * (height + _GAP)
        left = i % n_columns * (width + _GAP)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def png_bytes(picture: Rgb) -> bytes:
    """Encode an (H, W, 3) uint8 picture as PNG, which says who has drawn it."""
    png = bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))
    return png[:_PNG_START] + _PNG_MARK + png[_PNG_START:]


def is_own_png(path: Path) -> bool:
    """Whether a file is a picture that `png_bytes` encoded."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(_PNG_START + len(_PNG_MARK)).endswith(_PNG_MARK)


def _png_text(keyword: str, text: str) -> bytes:
    """Return a chunk of text as the PNG specification lays it out."""
    content = b"tEXt" + keyword.encode() + b"\0" + text.encode()
    size, checksum = len(content) - 4, zlib.crc32(content)
    return size.to_bytes(4, "big") + content + checksum.to_bytes(4, "big")


# The signature and the header, after which other chunks may come.
_PNG_START = 8 + 25
_PNG_MARK = _png_text("Software", "napari-segment-anything")


def choose_frames(n_frames: int, n_shown: int = 9) -> list[int]:
    """Return up to `n_shown` frame numbers, spread evenly from first to last."""
    chosen = np.linspace(0, n_frames - 1, min(n_frames, n_shown))
    return [int(number) for number in np.rint(chosen)]


def _inner_border(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Pixels of objects that touch another object or the ground."""
    padded = np.pad(labels, 1, mode="edge")
    neighbours = (
        padded[:-2, 1:-1],
        padded[2:, 1:-1],
        padded[1:-1, :-2],
        padded[1:-1, 2:],
    )
    is_border = np.zeros(labels.shape, bool)
    for neighbour in neighbours:
        is_border |= labels != neighbour
    is_object: NDArray[np.bool_] = labels != 0
    return is_border & is_object


def _draw_tail(canvas: Rgb, positions: NDArray[np.floating], track_id: int) -> None:
    height, width, _ = canvas.shape
    colour = track_colours(np.array([track_id]))[0]
    points = np.rint(positions).astype(int)
    for start, stop in pairwise(points):
        n_steps = int(np.abs(stop - start).max()) + 1
        y, x = np.rint(np.linspace(start, stop, n_steps)).astype(int).T
        # Two pixels wide whatever the direction.
        y = np.concatenate([y, y, y + 1])
        x = np.concatenate([x, x + 1, x])
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        canvas[y[inside], x[inside]] = colour


def _draw_number(canvas: Rgb, number: int) -> None:
    glyphs = [
        np.array([int(bit) for bit in _DIGITS[digit]], bool).reshape(5, 3)
        for digit in str(number)
    ]
    text = np.hstack([np.pad(glyph, ((1, 1), (1, 0))) for glyph in glyphs])
    text = np.pad(text, ((0, 0), (0, 1)))
    block = np.kron(text, np.ones((_DIGIT_SCALE, _DIGIT_SCALE), bool))
    part = canvas[: block.shape[0], : block.shape[1]]
    shown = block[: part.shape[0], : part.shape[1]]
    part[:] = np.where(shown[..., None], 255, part // 3).astype(np.uint8)
