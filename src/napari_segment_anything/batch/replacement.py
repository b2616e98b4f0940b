"""What a job may remove to make room for its labels; never what it still reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_segment_anything.errors import StorageError
from napari_segment_anything.stacks.places import lies_in
from napari_segment_anything.storage.label_group import (
    check_own_labels,
    foreign_names,
    is_image,
    split_label_path,
)
from napari_segment_anything.storage.label_layout import LabelLayout, is_free
from napari_segment_anything.storage.label_store import LabelStore


@dataclass(frozen=True)
class Replacement:
    """Where labels go, and what is removed for them.

    Attributes
    ----------
    output : Path
        As it was asked for; or ``image.zarr/labels/NAME``, where an OME-Zarr was asked
        for that holds the very image which is read.
    removed : Path or None
        An earlier result, or its labels alone; None if nothing is there.
    """

    output: Path
    removed: Path | None = None


def replacement(path: Path, places: Sequence[Path] = ()) -> Replacement:
    """Say what is replaced where labels are to be written; nothing is changed.

    Parameters
    ----------
    path : Path
        An OME-Zarr, or ``image.zarr/labels/NAME``.
    places : sequence of Path
        Where the job reads from.

    Raises
    ------
    StorageError
        If something else than a result of this package is there, or what would be
        removed is read by the job or was made by somebody else.
    """
    if is_free(path):
        return Replacement(path)
    if split_label_path(path)[1] is not None:
        check_own_labels(path)
        return _spare(Replacement(path, path), places)
    reads_image = any(
        lies_in(place, path) and not lies_in(place, path / "labels") for place in places
    )
    if reads_image and is_image(path):
        # Those that a job writes where no other name is given; others stay.
        labels = path / "labels" / LabelLayout.name
        if is_free(labels):
            return Replacement(labels)
        check_own_labels(labels)
        return _spare(Replacement(labels, labels), places)
    try:
        earlier = LabelStore.open(path, mode="r")
    except StorageError as error:
        raise StorageError(
            f"{path} is no result of this package and is not overwritten; remove it, "
            "or choose another output."
        ) from error
    labels = path / "labels" / earlier.name
    if earlier.image is None and is_image(path):
        raise StorageError(
            f"{path} is an image that labels were added to, and is not overwritten; to "
            f"replace the labels, give {labels}."
        )
    if others := foreign_names(path):
        raise StorageError(
            f"{path} has the labels {', '.join(others)}, which were not made by this "
            f"package, and is not overwritten; to replace its own labels, give "
            f"{labels}."
        )
    return _spare(Replacement(path, path), places)


def _spare(found: Replacement, places: Sequence[Path]) -> Replacement:
    for place in places:
        if found.removed is not None and lies_in(place, found.removed):
            raise StorageError(
                f"{place} is read, so {found.removed} is not overwritten; choose "
                "another output."
            )
    return found
