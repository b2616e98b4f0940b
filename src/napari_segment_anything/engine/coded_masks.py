"""Many cropped masks kept as run lengths: a fraction of the memory of their pixels."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Self, overload

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine import run_length

BoolArray = npt.NDArray[np.bool_]

# Work on the runs of all masks of a large plane at once would take several times their
# memory.
_RUNS_AT_ONCE = 2**20
_PIXELS_AT_ONCE = 2**20


class CodedMasks(Sequence[BoolArray]):
    """A sequence of masks that are decoded one by one, as they are asked for.

    Parameters
    ----------
    counts, n_runs : ndarray
        Run lengths of all masks and their number for each, as `encode_masks` gives
        them.
    shapes : ndarray
        (n, 2) height and width of each mask; none is without pixels. What comes from
        elsewhere is taken by `checked`.
    """

    def __init__(
        self,
        counts: npt.NDArray[np.integer],
        n_runs: npt.NDArray[np.integer],
        shapes: npt.NDArray[np.integer],
    ) -> None:
        self.counts = np.asarray(counts, np.uint32)
        self.n_runs = np.asarray(n_runs, np.int64)
        self.shapes = np.asarray(shapes, np.int64).reshape(-1, 2)
        self._stops = np.cumsum(self.n_runs)

    @classmethod
    def checked(
        cls,
        counts: npt.NDArray[np.integer],
        n_runs: npt.NDArray[np.integer],
        shapes: npt.NDArray[np.integer],
    ) -> Self:
        """Take what may be damaged.

        Raises
        ------
        ValueError
            When the run lengths of a mask do not fill its shape.
        """
        masks = cls(counts, n_runs, shapes)
        run_length.check_filled(masks.counts, masks.n_runs, masks.shapes)
        return masks

    @classmethod
    def encode(cls, masks: Iterable[BoolArray]) -> Self:
        """Code masks (2-D, each of its own shape); coded ones are taken as they are.

        Masks that a generator makes one by one are not in memory together.
        """
        if isinstance(masks, cls):
            return masks
        counts = [np.zeros(0, np.uint32)]
        n_runs = [np.zeros(0, np.int64)]
        shapes: list[tuple[int, ...]] = []
        for some in _batches(masks):
            coded = run_length.encode_masks(some)
            counts.append(coded[0])
            n_runs.append(coded[1])
            shapes += [mask.shape for mask in some]
        return cls(
            np.concatenate(counts),
            np.concatenate(n_runs),
            np.array(shapes, np.int64),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Sequence[BoolArray]]) -> Self:
        """Join several sequences of masks, coding those that are not."""
        coded = [cls.encode(part) for part in parts if len(part)]
        if not coded:
            return cls.encode([])
        return cls(
            np.concatenate([part.counts for part in coded]),
            np.concatenate([part.n_runs for part in coded]),
            np.concatenate([part.shapes for part in coded]),
        )

    def __len__(self) -> int:
        return len(self.n_runs)

    def __iter__(self) -> Iterator[BoolArray]:
        for part in run_length.parts_of(self.shapes.prod(axis=1), _PIXELS_AT_ONCE):
            yield from self._decoded(part)

    @overload
    def __getitem__(self, index: int) -> BoolArray: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> BoolArray | Self:
        if isinstance(index, slice):
            return self.select(np.arange(len(self))[index])
        # Also checks and counts from the end.
        position = range(len(self))[index]
        counts = self.counts[self._runs(slice(position, position + 1))]
        flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        height, width = self.shapes[position].tolist()
        return flat.reshape((height, width), order="F")

    def select(self, chosen: npt.NDArray[np.integer]) -> Self:
        """Return the masks at these positions, without decoding them."""
        n_runs = self.n_runs[chosen]
        starts = self._stops[chosen] - n_runs
        stops = np.cumsum(n_runs)
        counts = np.empty(stops[-1] if len(stops) else 0, np.uint32)
        for part in run_length.parts_of(n_runs, _RUNS_AT_ONCE):
            # Where each new count is among the old ones: a start plus a running number.
            first = stops[part.start] - n_runs[part.start]
            shift = starts[part] - (stops[part] - n_runs[part])
            wanted = np.repeat(shift, n_runs[part])
            wanted += np.arange(first, first + len(wanted))
            counts[first : first + len(wanted)] = self.counts[wanted]
        return type(self)(counts, n_runs, self.shapes[chosen])

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """Pixels that are set in each mask, (n,)."""
        areas = np.zeros(len(self), np.int64)
        for part in run_length.parts_of(self.n_runs, _RUNS_AT_ONCE):
            n_runs = self.n_runs[part]
            starts = np.cumsum(n_runs) - n_runs
            # Every other run is set; which, depends on where those of a mask begin.
            counts = self.counts[self._runs(part)].copy()
            counts[::2] = 0
            odd = np.add.reduceat(counts, starts, dtype=np.int64)
            pixels = self.shapes[part].prod(axis=1)
            areas[part] = np.where(starts % 2, pixels - odd, odd)
        return areas

    def _decoded(self, part: slice) -> list[BoolArray]:
        return run_length.decode_masks(
            self.counts[self._runs(part)], self.n_runs[part], self.shapes[part]
        )

    def _runs(self, part: slice) -> slice:
        first = self._stops[part.start] - self.n_runs[part.start]
        return slice(int(first), int(self._stops[part.stop - 1]))


def kept_alike(
    masks: Sequence[BoolArray], others: Iterable[BoolArray]
) -> Sequence[BoolArray]:
    """Keep other masks as some are kept: coded, or as a tuple of arrays."""
    return CodedMasks.encode(others) if isinstance(masks, CodedMasks) else tuple(others)


def joined(parts: Sequence[Sequence[BoolArray]]) -> Sequence[BoolArray]:
    """Join sequences of masks; if any is coded, so is the result."""
    if any(isinstance(part, CodedMasks) for part in parts):
        return CodedMasks.concatenate(parts)
    return tuple(mask for part in parts for mask in part)


def picked(
    masks: Sequence[BoolArray], chosen: npt.NDArray[np.intp]
) -> Sequence[BoolArray]:
    """Return the masks at some positions; coded ones stay coded."""
    if isinstance(masks, CodedMasks):
        return masks.select(chosen)
    return tuple(masks[i] for i in chosen)


def _batches(masks: Iterable[BoolArray]) -> Iterator[list[BoolArray]]:
    """Gather masks until they have many pixels."""
    batch: list[BoolArray] = []
    n_pixels = 0
    for mask in masks:
        batch.append(mask)
        n_pixels += mask.size
        if n_pixels >= _PIXELS_AT_ONCE:
            yield batch
            batch, n_pixels = [], 0
    if batch:
        yield batch
