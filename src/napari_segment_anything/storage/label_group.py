"""Label images that are added to an OME-Zarr image which exists already."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import zarr

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage import ome_metadata
from napari_segment_anything.storage.atomic import atomic_path, storage_errors
from napari_segment_anything.storage.label_layout import (
    OWN_ATTRIBUTES,
    LabelLayout,
    fill_label_group,
)

_LABELS = "labels"
_READ_ERRORS = (OSError, ValueError, LookupError, TypeError)


def split_label_path(path: Path) -> tuple[Path, str | None]:
    """Split ``image.zarr/labels/NAME`` into the image and the name.

    A path of another form is that of an OME-Zarr of its own, and has no name; so has
    ``labels/movie.zarr``, which lies in a folder that happens to be called so.
    """
    if path.parent.name == _LABELS and path.suffix != ".zarr":
        return path.parent.parent, path.name
    return path, None


def add_labels(path: Path, layout: LabelLayout) -> None:
    """Add a label image to an OME-Zarr image; it appears whole or not at all.

    Parameters
    ----------
    path : Path
        OME-Zarr 0.4 or 0.5; neither its pixels nor its other labels are touched.
    layout : LabelLayout
        What the labels are to hold, and their name.

    Raises
    ------
    StorageError
        If there is no OME-Zarr image, or a label image of this name.
    InvalidAxesError
        If OME-Zarr cannot hold the axes.
    """
    root = open_image(path)
    target = path / _LABELS / layout.name
    if target.exists():
        raise StorageError(
            f"{target} exists already; choose another name or remove it."
        )
    zarr_format = root.metadata.zarr_format
    multiscale: Any = ome_metadata.ome_of(dict(root.attrs))["multiscales"]
    # OME-Zarr wants labels to have as many levels as their image.
    layout = replace(layout, levels=len(multiscale[0]["datasets"]))
    with storage_errors(path):
        listing: Any = root.require_group(_LABELS)
    with atomic_path(target) as temporary:
        group = zarr.open_group(temporary, mode="w-", zarr_format=zarr_format)
        fill_label_group(group, layout)
    with storage_errors(path):
        _list(listing, layout.name)
        _consolidate_again(path)


def check_own_labels(path: Path) -> None:
    """Raise unless this package has made a label image.

    Parameters
    ----------
    path : Path
        ``image.zarr/labels/NAME``.

    Raises
    ------
    StorageError
        If something else has this name.
    """
    if not _is_own(path):
        raise StorageError(
            f"{path} was not made by this package and is not overwritten; choose "
            f"another name."
        )


def foreign_names(path: Path) -> list[str]:
    """Names of the label images of an OME-Zarr that others have made, sorted."""
    with storage_errors(path):
        folders = sorted(one for one in (path / _LABELS).iterdir() if one.is_dir())
    return [
        folder.name
        for folder in folders
        if not folder.name.startswith(".") and not _is_own(folder)
    ]


def is_image(path: Path) -> bool:
    """Whether an OME-Zarr has an image, be there labels or not."""
    try:
        root = zarr.open_group(path, mode="r", use_consolidated=False)
        return bool(ome_metadata.ome_of(dict(root.attrs)).get("multiscales"))
    except _READ_ERRORS:
        return False


def _is_own(path: Path) -> bool:
    try:
        group = zarr.open_group(path, mode="r", use_consolidated=False)
        return OWN_ATTRIBUTES in group.attrs
    except _READ_ERRORS:
        return False


def first_own_name(path: Path) -> str:
    """Return the name of the first label image that this package has made.

    Raises
    ------
    StorageError
        If there is none.
    """
    try:
        listing: Any = zarr.open_group(path / _LABELS, mode="r", use_consolidated=False)
        names = ome_metadata.ome_of(dict(listing.attrs))["labels"]
        own = [name for name in names if OWN_ATTRIBUTES in listing[name].attrs]
        return str((own or names)[0])
    except _READ_ERRORS as error:
        raise StorageError(
            f"{path} holds no labels ({error}); check the path."
        ) from error


def open_image(path: Path) -> zarr.Group:
    """Open an OME-Zarr image, to which labels can be added.

    Raises
    ------
    StorageError
        If there is none.
    """
    try:
        root = zarr.open_group(path, mode="r+", use_consolidated=False)
        has_image = bool(ome_metadata.ome_of(dict(root.attrs)).get("multiscales"))
    except _READ_ERRORS as error:
        raise StorageError(
            f"{path} cannot be opened as OME-Zarr: {error}. Give labels an OME-Zarr "
            f"of their own."
        ) from error
    if not has_image:
        raise StorageError(
            f"{path} is no OME-Zarr image, so labels cannot be added to it; give them "
            f"an OME-Zarr of their own."
        )
    return root


def _list(listing: zarr.Group, name: str) -> None:
    attributes: dict[str, Any] = dict(listing.attrs)
    names = list(ome_metadata.ome_of(attributes).get("labels", []))
    if name in names:
        return
    is_older = listing.metadata.zarr_format == 2
    version = ome_metadata.OLDER_VERSION if is_older else ome_metadata.OME_VERSION
    listing.attrs.update(ome_metadata.labels_group_attributes([*names, name], version))


def _consolidate_again(path: Path) -> None:
    """Let readers that trust consolidated metadata see the new labels."""
    root = zarr.open_group(path, mode="r")
    if root.metadata.consolidated_metadata is not None:
        zarr.consolidate_metadata(path)
