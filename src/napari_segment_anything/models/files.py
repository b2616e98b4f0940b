"""Where weights files lie on this machine."""

import os
from importlib.resources import files
from pathlib import Path

from platformdirs import user_cache_path

from napari_segment_anything.models.catalogue import ModelEntry

FOLDER_VARIABLE = "NAPARI_SEGMENT_ANYTHING_MODELS"


def model_folder() -> Path:
    """Return the folder of downloaded weights; it need not exist yet.

    The environment variable ``NAPARI_SEGMENT_ANYTHING_MODELS`` names another one, for
    instance a folder that was filled on a machine with internet.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
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
    # The microscopy models are all published as "vit_b.pt" and the like, which says
    # nothing about which of them the file is.
    is_telling = published.stem not in ("vit_t", "vit_b", "vit_l")
    return published if is_telling and published.is_file() else None
