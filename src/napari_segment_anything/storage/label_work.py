"""Labels of work that may have been begun before."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_segment_anything.errors import StorageError
from napari_segment_anything.storage.label_group import open_image
from napari_segment_anything.storage.label_layout import LabelLayout, is_free
from napari_segment_anything.storage.label_store import LabelStore, layout_of
from napari_segment_anything.storage.ome_metadata import ome_order


def open_or_create_labels(
    path: str | Path, *, axes: str, shape: Sequence[int], **options: Any
) -> LabelStore:
    """Go on with the same work, or begin it; parameters as in `LabelStore.create`.

    What is there is the same work if axes, shape and attributes are equal.

    Raises
    ------
    StorageError
        If the result of other work is there.
    InvalidAxesError
        If the axes do not fit, or OME-Zarr cannot hold them.
    """
    work = {"axes": axes, "shape": shape, **options}
    if store := existing_labels(path, **work):
        return store
    try:
        return LabelStore.create(path, **work)
    except StorageError:
        # Another process with the same work may have been faster.
        if store := existing_labels(path, **work):
            return store
        raise


def existing_labels(
    path: str | Path, *, axes: str, shape: Sequence[int], **options: Any
) -> LabelStore | None:
    """Open the result of the same work; None if there is room for a new one.

    Raises
    ------
    StorageError
        If the result of other work is there, or labels cannot be added to what is.
    InvalidAxesError
        If the axes do not fit, or OME-Zarr cannot hold them.
    """
    layout, place = layout_of(Path(path), axes, shape, options)
    if is_free(Path(path)):
        check_room(path, axes=axes, shape=shape, **options)
        return None
    store = LabelStore(place, name=layout.name)
    if not _is_same_work(store, layout):
        raise StorageError(
            f"{path} holds the result of another image, model or setting; choose "
            "another output, remove it, or allow to overwrite it with overwrite=True "
            "(--overwrite)."
        )
    return store


def check_room(
    path: str | Path, *, axes: str, shape: Sequence[int], **options: Any
) -> None:
    """Raise unless new labels could be made here, if nothing else were.

    Raises
    ------
    StorageError
        If there is no OME-Zarr image that they can be added to.
    InvalidAxesError
        If the axes do not fit, or OME-Zarr cannot hold them.
    """
    layout, place = layout_of(Path(path), axes, shape, options)
    ome_order(layout.axes)
    if place != Path(path):
        open_image(place)


def _is_same_work(store: LabelStore, layout: LabelLayout) -> bool:
    return (
        store.lengths == layout.lengths
        and store.index_axes == layout.index_axes
        # JSON knows no tuples, so neither does what is compared.
        and store.attributes == json.loads(json.dumps(dict(layout.attributes)))
    )
