"""Write files so that they are whole or not there, and name what went wrong."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from napari_segment_anything.errors import StorageError

TEMPORARY_PREFIX = ".tmp-"
_ASIDE = ".replaced"


def temporary_name(name: str = "") -> str:
    """Return a hidden name that no other process takes; it keeps the ending."""
    return f"{TEMPORARY_PREFIX}{os.getpid()}-{uuid.uuid4().hex}{name and '-' + name}"


@contextmanager
def storage_errors(place: str | Path) -> Iterator[None]:
    """Turn errors of the operating system into a `StorageError` about `place`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(_message(error, place)) from error


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Lend a temporary path beside `target` that replaces it in the end.

    If the block raises, what it wrote is removed and `target` stays as it was.

    Parameters
    ----------
    target : str or Path
        File (or folder that does not exist yet) to be written; its parent is made.

    Yields
    ------
    Path
        Where to write, with the ending of `target`.

    Raises
    ------
    StorageError
        If the disk is full, or the place may not be written to.
    """
    target = Path(target)
    temporary = target.with_name(temporary_name(target.name))
    with storage_errors(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(target)
        finally:
            remove_tree(temporary)


@contextmanager
def replaced(target: str | Path) -> Iterator[None]:
    """Let something new take the place of a file or folder, if one is there.

    What is there is moved aside in one step before the block, and removed after it. If
    the block puts nothing in its place, it is moved back. However this is interrupted,
    no part of it is left at `target`; what a killed process moved aside is removed when
    the same place is replaced again.

    Raises
    ------
    StorageError
        If it may not be moved.
    """
    target = Path(target)
    for leftover in target.parent.glob(f"{_ASIDE}*-{escape(target.name)}"):
        remove_tree(leftover)
    aside = target.with_name(f"{_ASIDE}{temporary_name(target.name)}")
    with storage_errors(target), suppress(FileNotFoundError):
        target.rename(aside)
    try:
        yield
    finally:
        if os.path.lexists(aside) and not os.path.lexists(target):
            aside.rename(target)
        remove_tree(aside)


@contextmanager
def replacing_folder(target: str | Path) -> Iterator[Path]:
    """Lend a temporary folder that takes the place of `target` as a whole in the end.

    If the block raises, what it wrote is removed and `target` stays as it was.

    Raises
    ------
    StorageError
        If the disk is full, or the place may not be written to.
    """
    # A link stays one, to the new folder.
    target = Path(target).resolve()
    temporary = target.with_name(temporary_name(target.name))
    with storage_errors(target):
        try:
            temporary.mkdir(parents=True)
            yield temporary
            with replaced(target):
                temporary.rename(target)
        finally:
            remove_tree(temporary)


def remove_tree(path: Path) -> None:
    """Remove a file or folder if it is there; a failure to do so is not an error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _message(error: OSError, place: str | Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full while writing {place}; free some space and run again. "
            f"What was written before is intact."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place} may not be written to; choose another place."
    reason = error.strerror or str(error)
    return f"{place} cannot be read or written: {reason}. Check the disk and the path."
