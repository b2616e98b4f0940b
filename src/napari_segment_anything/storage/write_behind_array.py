"""A zarr array whose chunks are changed in memory and written by a thread."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.atomic import remove_tree, storage_errors

Chunk = tuple[int, ...]
Place = tuple[NDArray[np.intp], ...]

# Chunks that were looked at stay for the next stroke, up to so many bytes.
_KEPT_BYTES = 2**27
# More than this does not wait to be written: then the painter does.
_MOST_UNWRITTEN_BYTES = 2**30
_MOST_AT_ONCE = 2**18


class WriteBehindArray:
    """Takes the place of a zarr array where a person must not wait for the disk.

    What is assigned can be read at once. A thread writes changed chunks in the order in
    which they were changed first, each whole: what a crash leaves on disk lacks the
    last moments at most. A program that ends waits until all is written.

    Parameters
    ----------
    array : UnthreadedArray
        Where it is written to. zarr's own arrays will do where `flush` is called before
        the program ends.
    path : Path
        Of the array, for messages.
    on_error : callable, optional
        Called by the thread with a `StorageError` when chunks cannot be written, once
        until it works again. They stay in memory, and are tried again with the next
        change and by `flush`.
    """

    def __init__(
        self,
        array: Any,
        path: Path,
        on_error: Callable[[StorageError], object] | None = None,
    ) -> None:
        self.path = path
        self.on_error = on_error
        self._array = array
        self._chunk_shape: tuple[int, ...] = tuple(map(int, array.chunks))
        self._chunk_bytes = int(np.prod(self._chunk_shape)) * self.dtype.itemsize
        self._kept: OrderedDict[Chunk, NDArray[Any]] = OrderedDict()
        self._changed: OrderedDict[Chunk, NDArray[Any]] = OrderedDict()
        self._lock = threading.RLock()
        self._writing: tuple[Chunk, NDArray[Any]] | None = None
        self._is_failing = False
        self._writer = ThreadPoolExecutor(1, "labels")
        self._last: Future[StorageError | None] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(map(int, self._array.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        dtype: np.dtype[Any] = np.dtype(self._array.dtype)
        return dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def astype(self, dtype: DTypeLike) -> NDArray[Any]:
        """Raise a StorageError: a copy would be in memory, and kept nowhere."""
        raise StorageError(f"Labels on disk stay {self.dtype}; convert a saved copy.")

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        places, shape, is_grid = _resolved(..., self.shape)
        return np.asarray(self._at(places, shape, is_grid), dtype)

    def __getitem__(self, key: Any) -> Any:
        """Read what integers and slices name, or one element for each position.

        More than a small part is read when it is made an array, by ``np.asarray``:
        napari asks for the first frame where it only wants to know its dtype.
        """
        places, shape, is_grid = _resolved(key, self.shape)
        if is_grid and np.prod(shape, dtype=np.int64) > _MOST_AT_ONCE:
            return _Part(self, places, shape)
        return self._at(places, shape, is_grid)

    def _at(self, places: Place, shape: tuple[int, ...], is_grid: bool) -> Any:
        found = np.empty([len(p) for p in places] if is_grid else shape, self.dtype)
        target = found if is_grid else found.reshape(-1)
        for chunk, inside, outside in _parts(
            places, is_grid, self.shape, self._chunk_shape
        ):
            with self._lock:
                target[outside] = self._read(chunk)[inside]
        return found.reshape(shape)[()]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Change elements in memory; they are written soon."""
        places, shape, is_grid = _resolved(key, self.shape)
        values = np.broadcast_to(np.asarray(value, self.dtype), shape)
        source = values.reshape([len(p) for p in places]) if is_grid else values.ravel()
        for chunk, inside, outside in _parts(
            places, is_grid, self.shape, self._chunk_shape
        ):
            with self._lock:
                pixels = self._read(chunk)
                pixels[inside] = source[outside]
                self._changed.setdefault(chunk, pixels)
                self._last = self._writer.submit(self._write_first)
                n_bytes = len(self._changed) * self._chunk_bytes
            if n_bytes > _MOST_UNWRITTEN_BYTES:
                self._last.result()

    def flush(self) -> None:
        """Wait until everything is on disk.

        Raises
        ------
        StorageError
            If something could not be written; it stays in memory.
        """
        with self._lock:
            last = self._last
        if last is not None:
            last.result()
        with self._lock:
            n_left = len(self._changed)
        for _ in range(n_left):
            error = self._writer.submit(self._write_first).result()
            if error is not None:
                raise error

    def discard(self) -> None:
        """Write nothing more and remove what is on disk; nobody wants it any more."""
        with self._lock:
            self._changed.clear()
            self._kept.clear()
        self._last = self._writer.submit(self._remove)

    def _remove(self) -> None:
        remove_tree(self.path)

    def _write_first(self) -> StorageError | None:
        """Write the chunk that was changed first; return what went wrong."""
        with self._lock:
            if not self._changed:
                return None
            chunk, pixels = self._changed.popitem(last=False)
            self._writing = chunk, pixels
            # Others may paint on while this is encoded.
            snapshot = pixels.copy()
        error: StorageError | None = None
        try:
            with storage_errors(self.path):
                self._array[self._place(chunk)] = snapshot
        except StorageError as failure:
            error = failure
        with self._lock:
            self._writing = None
            if error is not None:
                self._changed[chunk] = pixels
                self._changed.move_to_end(chunk, last=False)
            elif chunk not in self._changed:
                self._keep(chunk, pixels)
            is_news = error is not None and not self._is_failing
            self._is_failing = error is not None
        if is_news and error is not None and self.on_error is not None:
            self.on_error(error)
        return error

    def _read(self, chunk: Chunk) -> NDArray[Any]:
        """Return the pixels of a chunk, to be changed only by who holds the lock."""
        if chunk in self._changed:
            return self._changed[chunk]
        if self._writing is not None and self._writing[0] == chunk:
            return self._writing[1]
        pixels = self._kept.pop(chunk, None)
        if pixels is None:
            with storage_errors(self.path):
                pixels = np.array(self._array[self._place(chunk)])
        self._keep(chunk, pixels)
        return pixels

    def _place(self, chunk: Chunk) -> tuple[slice, ...]:
        return tuple(
            slice(number * side, min((number + 1) * side, length))
            for number, side, length in zip(
                chunk, self._chunk_shape, self.shape, strict=True
            )
        )

    def _keep(self, chunk: Chunk, pixels: NDArray[Any]) -> None:
        self._kept[chunk] = pixels
        most = max(1, _KEPT_BYTES // self._chunk_bytes)
        while len(self._kept) > most:
            self._kept.popitem(last=False)


def _parts(
    places: Place, is_grid: bool, shape: tuple[int, ...], sides: tuple[int, ...]
) -> Iterator[tuple[Chunk, tuple[Any, ...], Any]]:
    """Cut positions by chunk: which, where in it, and where in what is asked."""
    numbers = [p // side for p, side in zip(places, sides, strict=True)]
    inside = [p % side for p, side in zip(places, sides, strict=True)]
    if is_grid:
        axes = [
            [(int(c), np.flatnonzero(axis == c)) for c in np.unique(axis)]
            for axis in numbers
        ]
        for parts in product(*axes):
            chunk = tuple(c for c, _ in parts)
            outside = [wanted for _, wanted in parts]
            local = [i[w] for i, w in zip(inside, outside, strict=True)]
            yield chunk, np.ix_(*local), np.ix_(*outside)
        return
    grid = tuple(-(-length // side) for length, side in zip(shape, sides, strict=True))
    flat = np.ravel_multi_index(tuple(numbers), grid)
    for number in np.unique(flat).tolist():
        wanted = np.flatnonzero(flat == number)
        chunk = tuple(int(c) for c in np.unravel_index(number, grid))
        yield chunk, tuple(i[wanted] for i in inside), wanted


class _Part:
    """A part of an array, read when it is made an array of its own."""

    def __init__(self, array: WriteBehindArray, places: Place, shape: Chunk) -> None:
        self._array, self._places = array, places
        self.shape, self.ndim, self.dtype = shape, len(shape), array.dtype
        self.size = int(np.prod(shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        return np.asarray(self._array._at(self._places, self.shape, True), dtype)


def _resolved(key: Any, shape: tuple[int, ...]) -> tuple[Place, tuple[int, ...], bool]:
    """Return positions along each axis, the shape of the result, and if it is a grid.

    Otherwise the positions are those of single elements, one after the other.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(part is Ellipsis for part in parts):
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        n_missing = len(shape) - len(parts) + 1
        parts[at : at + 1] = [slice(None)] * n_missing
    parts += [slice(None)] * (len(shape) - len(parts))
    if len(parts) != len(shape):
        raise IndexError(f"{len(parts)} indices do not fit {len(shape)} dimensions.")
    if all(isinstance(part, slice) or np.ndim(part) == 0 for part in parts):
        ranges = [
            np.arange(length)[part if isinstance(part, slice) else [int(part)]]
            for part, length in zip(parts, shape, strict=True)
        ]
        lengths = tuple(
            len(r)
            for r, part in zip(ranges, parts, strict=True)
            if isinstance(part, slice)
        )
        return tuple(ranges), lengths, True
    if any(isinstance(p, slice) or np.asarray(p).dtype.kind == "b" for p in parts):
        raise IndexError("Positions are given for all axes, as numbers.")
    arrays = np.broadcast_arrays(*(np.asarray(part, np.intp) for part in parts))
    positions = tuple(
        np.arange(length)[array.ravel()]
        for array, length in zip(arrays, shape, strict=True)
    )
    return positions, arrays[0].shape, False
