"""Image embeddings on disk, one zarr array each."""

import errno
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.atomic import (
    TEMPORARY_PREFIX,
    remove_tree,
    storage_errors,
    temporary_name,
)
from napari_segment_anything.storage.embedding_entry import read_entry, write_entry

_LOGGER = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{32}")
# What a zarr array or group has at its root, and a folder of entries has not.
_ZARR_NAMES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_DAY = 24 * 60 * 60
_DAMAGE = (ValueError, KeyError, TypeError, RuntimeError, FileNotFoundError)
# Evicting a little more than needed saves a scan of the folder at each put.
_EVICT_TO = 0.9
_PUTS_BETWEEN_SCANS = 64


class ZarrEmbeddingStore:
    """Keeps embeddings in a folder that several processes may share and copy.

    An entry is written under a temporary name and renamed, so that it is whole or
    not there; one that is damaged is found by its checksum and dropped.

    Parameters
    ----------
    path : str or Path
        Folder; it is made when needed.
    quota_bytes : int, optional
        Most that the entries may take on disk; beyond it the least recently used are
        dropped. None sets no limit.

    Raises
    ------
    StorageError
        If the folder cannot be made, is a file, or is a zarr of something else.
    """

    def __init__(self, path: str | Path, quota_bytes: int | None = None) -> None:
        self.path = Path(path)
        self.quota_bytes = quota_bytes
        self._known_bytes: int | None = None
        self._n_puts = 0
        self._lock = threading.Lock()
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if found := [name for name in _ZARR_NAMES if (self.path / name).exists()]:
                raise StorageError(
                    f"{self.path} is a zarr ({found[0]}), not a folder of embeddings; "
                    "choose another folder, such as embeddings."
                )
        self._sweep()

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding on the CPU, or None if it is missing or damaged.

        Features come back as float32, having been rounded to float16.

        Raises
        ------
        StorageError
            If an entry is there but may not be read.
        """
        entry = self._entry(key)
        if not entry.is_dir():
            return None
        try:
            embedding = read_entry(entry)
        except _DAMAGE as error:
            _LOGGER.warning("Embedding %s is damaged and dropped: %s", key, error)
            self.delete(key)
            return None
        except OSError as error:
            raise StorageError(
                f"Embedding {entry} cannot be read: {error}. Check the disk, or use "
                f"another store."
            ) from error
        # A store that may only be read has no order of use.
        with suppress(OSError):
            os.utime(entry)
        return embedding

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Write an embedding, unless another process did it first.

        Raises
        ------
        StorageError
            If the disk is full or the folder may not be written to.
        """
        entry = self._entry(key)
        temporary = self.path / temporary_name()
        with storage_errors(self.path):
            try:
                write_entry(temporary, embedding)
                n_bytes = _folder_bytes(temporary)
                if self.quota_bytes is not None and n_bytes > self.quota_bytes:
                    return
                _rename_unless_there(temporary, entry)
            finally:
                remove_tree(temporary)
        if self.quota_bytes is not None:
            self._evict(n_bytes, newest=key)

    def __contains__(self, key: object) -> bool:
        return (
            isinstance(key, str)
            and bool(_KEY.fullmatch(key))
            and ((self.path / key / "zarr.json").is_file())
        )

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, the least recently used first."""
        return (entry.name for _, entry in self._by_use())

    def delete(self, key: str) -> None:
        """Drop an embedding if it is there."""
        # Renamed first, so that nobody sees an entry with half of its files.
        doomed = self.path / temporary_name()
        with storage_errors(self.path):
            try:
                self._entry(key).rename(doomed)
            except FileNotFoundError:
                return
        remove_tree(doomed)

    def nbytes(self) -> int:
        """Bytes that all entries take on disk."""
        return sum(_folder_bytes(entry) for _, entry in self._by_use())

    def clear(self) -> None:
        """Drop all embeddings; other files in the folder stay."""
        for key in list(self.keys()):
            self.delete(key)

    def _entry(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise StorageError(
                f"{key!r} is no key of a plane; make keys with plane_key()."
            )
        return self.path / key

    def _by_use(self) -> list[tuple[int, Path]]:
        """List (time of last use in ns, folder) of all entries, oldest first."""
        entries = []
        with storage_errors(self.path), os.scandir(self.path) as found:
            for item in found:
                if not _KEY.fullmatch(item.name):
                    continue
                # Another process may drop it in the meantime.
                with suppress(FileNotFoundError):
                    entries.append((item.stat().st_mtime_ns, Path(item.path)))
        return sorted(entries)

    def _evict(self, n_bytes_added: int, *, newest: str) -> None:
        quota = self.quota_bytes or 0
        with self._lock:
            # Other processes write too, so the sum is taken afresh now and then.
            if self._known_bytes is None or self._n_puts % _PUTS_BETWEEN_SCANS == 0:
                self._known_bytes = self.nbytes()
            else:
                self._known_bytes += n_bytes_added
            self._n_puts += 1
            if self._known_bytes <= quota:
                return
            self._known_bytes = self.nbytes()
            if self._known_bytes <= quota:
                return
            for _, entry in self._by_use():
                if entry.name != newest:
                    self._known_bytes -= _folder_bytes(entry)
                    self.delete(entry.name)
                if self._known_bytes <= _EVICT_TO * quota:
                    return

    def _sweep(self) -> None:
        """Remove what processes that were killed left behind."""
        with suppress(OSError):
            for leftover in self.path.glob(f"{TEMPORARY_PREFIX}*"):
                if time.time() - leftover.stat().st_mtime > _DAY:
                    remove_tree(leftover)


def _rename_unless_there(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        # A folder of this name with files in it: another process was faster.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _folder_bytes(folder: Path) -> int:
    n_bytes = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            n_bytes += path.stat().st_size
    return n_bytes
