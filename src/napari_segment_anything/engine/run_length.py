"""Run lengths of boolean masks, in COCO's order.

Pixels are read column by column; the counts alternate between outside and inside and
begin with outside, so a mask whose first pixel is inside begins with a count of 0.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]

# Many small masks are coded at once; many large ones would need a multiple of their
# memory.
_PIXELS_AT_ONCE = 2**22
_NOT_FILLED = "Run lengths do not fill the shapes of their masks."


def encode_masks(
    masks: Sequence[BoolArray],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Encode many masks at once.

    Parameters
    ----------
    masks : sequence of ndarray
        2-D boolean masks, each of its own shape, none without pixels.

    Returns
    -------
    counts : ndarray
        uint32 run lengths of all masks, one mask after the other.
    n_runs : ndarray
        int64 number of counts of each mask.
    """
    sizes = [mask.size for mask in masks]
    parts = [_encode_at_once(masks[p]) for p in parts_of(sizes, _PIXELS_AT_ONCE)]
    if not parts:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64)
    counts, n_runs = zip(*parts, strict=True)
    return np.concatenate(counts), np.concatenate(n_runs)


def _encode_at_once(
    masks: Sequence[BoolArray],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    columns = [mask.ravel(order="F") for mask in masks]
    flat = np.concatenate(columns) if len(columns) > 1 else columns[0]
    stops = np.cumsum([mask.size for mask in masks])
    starts = np.concatenate([[0], stops[:-1]])
    is_start = np.empty(len(flat), dtype=bool)
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    is_start[starts] = True
    run_starts = np.flatnonzero(is_start)
    counts = np.diff(run_starts, append=len(flat))
    first_run = np.searchsorted(run_starts, starts)
    begins_inside = flat[starts]
    n_runs = np.diff(first_run, append=len(run_starts)) + begins_inside
    counts = np.insert(counts, first_run[begins_inside], 0)
    return counts.astype(np.uint32), n_runs.astype(np.int64)


def decode_masks(
    counts: npt.NDArray[np.integer],
    n_runs: npt.NDArray[np.integer],
    shapes: npt.NDArray[np.integer],
) -> list[BoolArray]:
    """Decode what `encode_masks` returned.

    Parameters
    ----------
    counts, n_runs : ndarray
        As returned by `encode_masks`.
    shapes : ndarray
        (n, 2) height and width of each mask.

    Returns
    -------
    list of ndarray
        2-D boolean masks.

    Raises
    ------
    ValueError
        When the counts of a mask do not fill its shape.
    """
    shapes = np.asarray(shapes, dtype=np.int64).reshape(-1, 2)
    check_filled(counts, n_runs, shapes)
    last_run = np.cumsum(n_runs)
    masks: list[BoolArray] = []
    for part in parts_of(shapes.prod(axis=1), _PIXELS_AT_ONCE):
        first, last = last_run[part.start] - n_runs[part.start], last_run[part.stop - 1]
        masks += _decode_at_once(counts[first:last], n_runs[part], shapes[part])
    return masks


def check_filled(
    counts: npt.NDArray[np.integer],
    n_runs: npt.NDArray[np.integer],
    shapes: npt.NDArray[np.int64],
) -> None:
    """Raise ValueError when the counts of a mask do not fill its shape."""
    stops = np.cumsum(n_runs)
    if len(counts) != (stops[-1] if len(stops) else 0) or np.any(n_runs < 1):
        raise ValueError(_NOT_FILLED)
    if len(stops) == 0:
        return
    n_pixels = np.add.reduceat(counts, stops - n_runs, dtype=np.int64)
    if not np.array_equal(n_pixels, shapes.prod(axis=1)):
        raise ValueError(_NOT_FILLED)


def _decode_at_once(
    counts: npt.NDArray[np.integer],
    n_runs: npt.NDArray[np.integer],
    shapes: npt.NDArray[np.int64],
) -> list[BoolArray]:
    n_pixels = shapes.prod(axis=1)
    first_run = np.cumsum(n_runs) - n_runs
    stops = np.cumsum(n_pixels)
    is_inside = (np.arange(len(counts)) - np.repeat(first_run, n_runs)) % 2 == 1
    flat = np.repeat(is_inside, counts)
    # Copies, because a view would keep all masks for the sake of one.
    return [
        flat[stop - size : stop].reshape(tuple(shape), order="F").copy(order="K")
        for stop, size, shape in zip(stops, n_pixels, shapes, strict=True)
    ]


def parts_of(
    sizes: Sequence[int] | npt.NDArray[np.integer], most: int
) -> Iterator[slice]:
    """Cut a sequence into parts whose sizes add up to at most this, or of one each."""
    stops = np.cumsum(sizes, dtype=np.int64)
    start = 0
    while start < len(stops):
        before = stops[start - 1] if start else 0
        stop = int(np.searchsorted(stops, before + most, side="right"))
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop
