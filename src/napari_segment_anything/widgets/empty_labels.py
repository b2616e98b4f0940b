"""Labels for a layer: in memory, or on disk where they would not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error, show_info
from platformdirs import user_data_path

from napari_segment_anything.storage.painted_labels import (
    fits_memory,
    labels_on_disk,
)
from napari_segment_anything.widgets.workers import Relay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image


def empty_labels(image: Image, axes: str, shape: Sequence[int]) -> Any:
    """Return an array of zeros that a Labels layer can be painted on.

    Parameters
    ----------
    image : Image
        The layer that the labels are of; they are called and placed like it.
    axes : str
        One letter per dimension.
    shape : sequence of int
        Of the labels.
    """
    if fits_memory(shape):
        # Zeros take memory only where something is written.
        return np.zeros(tuple(shape), dtype=np.int32)
    folder = user_data_path("napari_segment_anything", appauthor=False) / "labels"
    labels = labels_on_disk(
        folder,
        image.name,
        axes=axes,
        shape=shape,
        scale=dict(zip(axes, map(float, image.scale), strict=True)),
        translate=dict(zip(axes, map(float, image.translate), strict=True)),
        units=dict(zip(axes, map(str, image.units or ()), strict=False)),
    )
    labels.on_error = Relay(_say_unsaved).send
    show_info(
        f"Labels of all of {image.name} would not fit into memory. They are kept in "
        f"{labels.path}, where everything you accept or paint is saved at once."
    )
    return labels


def _say_unsaved(error: Exception) -> None:
    show_error(
        f"{error} What you painted last is kept in memory and written with the next "
        "stroke."
    )
