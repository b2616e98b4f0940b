"""Weights files on this machine: where they lie, and how they get there."""

import os
from collections.abc import Generator
from importlib.resources import files
from pathlib import Path

from napari_segment_anything.errors import DownloadError, StorageError
from napari_segment_anything.models.catalogue import ModelEntry
from napari_segment_anything.models.digest import verify
from napari_segment_anything.models.transfer import DownloadProgress, transfer

FOLDER_VARIABLE = "NAPARI_SEGMENT_ANYTHING_MODELS"

# The microscopy models are all published as "vit_b.pt" and the like, which says
# nothing about which of them a file is.
_AMBIGUOUS_STEMS = ("vit_t", "vit_b", "vit_l")


def model_folder() -> Path:
    """Return the folder of downloaded weights; it need not exist yet.

    The environment variable ``NAPARI_SEGMENT_ANYTHING_MODELS`` names another one, for
    instance a folder that was filled on a machine with internet.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    # The bundled model is not kept there.
    from platformdirs import user_cache_path

    return user_cache_path("napari_segment_anything", appauthor=False) / "models"


def weights_path(entry: ModelEntry) -> Path:
    """Return where the weights of a model lie, or will lie once downloaded."""
    if entry.is_bundled:
        package = files("napari_segment_anything.models")
        return Path(str(package)) / "bundled" / entry.file_name
    return model_folder() / entry.file_name


def find(entry: ModelEntry) -> Path | None:
    """Return the weights file of a model, or None when it is not on this machine.

    In the model folder a file may also have the name it was published under, so that
    a folder of files fetched by hand can be used as it is.
    """
    path = weights_path(entry)
    if path.is_file():
        return path
    if entry.is_bundled:
        return None
    published = path.with_name(entry.url.rpartition("/")[2])
    if published.stem in _AMBIGUOUS_STEMS or not published.is_file():
        return None
    return published


def download(entry: ModelEntry) -> Generator[DownloadProgress, None, Path]:
    """Fetch the weights of a model into the model folder.

    A generator, so that closing it cancels: what arrived stays in a ``.partial`` file
    and the next call continues it. The file gets its final name only after its digest
    has been checked.

    Yields
    ------
    DownloadProgress
        Bytes on disk and bytes altogether (0 if the server does not say).

    Returns
    -------
    Path
        The weights file. Weights that are there already are not fetched again.

    Raises
    ------
    DownloadError
        The server cannot be reached or refuses, the disk is full, or the file that
        arrived is not the published one.
    StorageError
        The model folder cannot be written.
    """
    present = find(entry)
    if present is not None:
        return present
    if entry.is_bundled:
        raise DownloadError(
            f"'{entry.name}' is part of this package and cannot be downloaded; install "
            "the package again."
        )
    target = weights_path(entry)
    partial = target.with_name(f"{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        is_continued = partial.exists()
    except OSError as error:
        raise StorageError(
            f"The model folder {target.parent} cannot be made ({error.strerror}); set "
            f"{FOLDER_VARIABLE} to a folder that can be written."
        ) from error
    yield from transfer(entry.url, partial)
    if not verify(partial, entry.digest) and is_continued:
        # The beginning may come from another version of the file: once from scratch.
        partial.unlink()
        yield from transfer(entry.url, partial)
    if not verify(partial, entry.digest):
        partial.unlink()
        raise DownloadError(
            f"What arrived from {entry.url} is not the published file of "
            f"'{entry.name}' (its digest differs) and was deleted; try again later, or "
            "over another connection."
        )
    partial.replace(target)
    return target
