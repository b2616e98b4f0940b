"""Candidate masks of planes on disk, so that an interrupted job goes on."""

import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_segment_anything.engine.mask_arrays import from_arrays, to_arrays
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.atomic import atomic_path, storage_errors

_LOGGER = logging.getLogger(__name__)
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
# The least: run lengths get hardly smaller with more, in several times the time.
_COMPRESSION = 1
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, IndexError, EOFError)


class CandidateStore:
    """Keeps one file of masks per key; files are whole or not there.

    Parameters
    ----------
    path : str or Path
        Folder; it is made at the first `put`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def get(self, key: str) -> MaskSet | None:
        """Return the masks of a key, or None if they are missing or damaged.

        Raises
        ------
        StorageError
            If the file is there but may not be read.
        """
        file = self._file(key)
        with storage_errors(file):
            try:
                with (
                    file.open("rb") as opened,
                    np.load(opened, allow_pickle=False) as archive,
                ):
                    return from_arrays({name: archive[name] for name in archive})
            except FileNotFoundError:
                return None
            except _DAMAGE as error:
                _LOGGER.warning("Masks %s are damaged and dropped: %s", file, error)
                file.unlink(missing_ok=True)
                return None

    def put(self, key: str, masks: MaskSet) -> None:
        """Keep masks under a key, in place of those that are there.

        Raises
        ------
        StorageError
            If the disk is full or the folder may not be written to.
        """
        arrays = {name: np.asarray(a) for name, a in to_arrays(masks).items()}
        with (
            atomic_path(self._file(key)) as temporary,
            zipfile.ZipFile(
                temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION
            ) as archive,
        ):
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._file(key).is_file()

    def keys(self) -> Iterator[str]:
        """Iterate over the keys in the order of their names."""
        return (
            file.name.removesuffix(".npz")
            for file in sorted(self.path.glob("*.npz"))
            if _KEY.fullmatch(file.name)
        )

    def clear(self) -> None:
        """Drop all masks; other files in the folder stay."""
        for key in list(self.keys()):
            self._file(key).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise StorageError(
                f"{key!r} cannot be the name of a file; use letters, digits, - and _."
            )
        return self.path / f"{key}.npz"
