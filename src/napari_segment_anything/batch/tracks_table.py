"""One row per object and frame: the table that a tracking job ends with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.repair_settings import Repair

Node = tuple[int, int]

_UNITS = {
    "micrometer": "um",
    "micrometre": "um",
    "micron": "um",
    "nanometer": "nm",
    "nanometre": "nm",
    "millimeter": "mm",
    "millimetre": "mm",
    "second": "s",
    "minute": "min",
    "hour": "h",
    "pixel": "px",
}


def tracks_table(
    frames: Sequence[MaskSet],
    lineage: Lineage,
    *,
    axis: str,
    position: Mapping[str, int],
    repairs: Mapping[Node, Repair] | None = None,
    intensities: Sequence[npt.NDArray[np.floating]] | None = None,
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    translate: Mapping[str, float] | None = None,
    plane_axes: tuple[str, str] = ("Y", "X"),
) -> pd.DataFrame:
    """Return one row per object and frame, by track, then frame.

    Parameters
    ----------
    frames : sequence of MaskSet
        The masks that the tracks go through.
    lineage : Lineage
        The tracks.
    axis : str
        Letter of the axis that was tracked along; names its column.
    position : mapping of str to int
        Where on the other axes these frames lie; each gets a column.
    repairs : mapping of (frame, detection) to Repair, optional
        Masks that repair has made.
    intensities : sequence of (n,) arrays, optional
        Mean intensity of each frame's masks.
    scale, units : mapping of str to float or str, optional
        Size of a pixel along each axis, and its unit; they add columns.
    translate : mapping of str to float, optional
        Where the first pixel lies along each axis, in those units; 0 unless told.
    plane_axes : tuple of str
        Axes of rows and columns.

    Returns
    -------
    pandas.DataFrame
        ``track_id``, one column per axis (``t``, ``z`` …), ``y``, ``x`` or whatever the
        plane axes are (centroid in pixels), ``area`` (pixels), ``predicted_iou``,
        ``stability_score``, ``parent_id`` (0 for none), ``is_repaired``, ``repair``
        (``filled``, ``split``, ``joined``, ``redrawn`` or empty) and ``confidence`` (of
        a repaired mask that of the repair, of others the predicted IoU). With
        intensities also ``mean_intensity``. Frames count from 0; with a scale there
        are also the place along each axis and ``area`` in physical units, in columns
        that name them (``t_s``, ``y_um``, ``area_um2``).
    """
    repairs = repairs or {}
    centroids = [masks.centroids for masks in frames]
    areas = [masks.areas for masks in frames]
    nodes = [(track, *node) for track in lineage.tracks for node in track.nodes]
    n = len(nodes)

    def gathered(values: Sequence[npt.NDArray[Any]]) -> list[Any]:
        return [values[frame][detection] for _, frame, detection in nodes]

    yx = np.array(gathered(centroids), np.float64).reshape(n, 2)
    columns: dict[str, npt.NDArray[Any]] = {
        "track_id": np.array([track.id for track, _, _ in nodes], np.int64)
    }
    for letter, number in position.items():
        columns[letter.lower()] = np.full(n, number, np.int64)
    columns |= {
        axis.lower(): np.array([frame for _, frame, _ in nodes], np.int64),
        plane_axes[0].lower(): yx[:, 0],
        plane_axes[1].lower(): yx[:, 1],
        "area": np.array(gathered(areas), np.int64),
        "predicted_iou": np.array(
            gathered([masks.predicted_iou for masks in frames]), np.float32
        ),
        "stability_score": np.array(
            gathered([masks.stability_score for masks in frames]), np.float32
        ),
        "parent_id": np.array([track.parent for track, _, _ in nodes], np.int64),
        "is_repaired": np.array([(f, d) in repairs for _, f, d in nodes], bool),
    }
    made = [repairs.get((f, d)) for _, f, d in nodes]
    columns["repair"] = np.array([r.word if r else "" for r in made], object)
    columns["confidence"] = np.array(
        [
            r.confidence if r else iou
            for r, iou in zip(made, columns["predicted_iou"], strict=True)
        ],
        np.float32,
    )
    if intensities is not None:
        columns["mean_intensity"] = np.array(gathered(intensities), np.float64)
    index_axes = "".join([*position, axis])
    columns |= physical_columns(
        columns, index_axes, plane_axes, scale or {}, units or {}, translate or {}
    )
    return pd.DataFrame(columns)


def mean_intensities(
    masks: MaskSet, plane: npt.NDArray[np.generic]
) -> npt.NDArray[np.float64]:
    """Mean intensity of each mask on its plane, (n,); of colours their mean.

    Pixels that are not finite are left out; of a mask without others it is NaN.
    """
    values = plane.astype(np.float64)
    values = values.mean(axis=-1) if values.ndim == 3 else values
    inside = [values[masks.slices(k)][masks.masks[k]] for k in range(len(masks))]
    finite = [pixels[np.isfinite(pixels)] for pixels in inside]
    means = [pixels.mean() if pixels.size else np.nan for pixels in finite]
    return np.array(means, np.float64)


def physical_columns(
    columns: Mapping[str, npt.NDArray[Any]],
    index_axes: str,
    plane_axes: tuple[str, str],
    scale: Mapping[str, float],
    units: Mapping[str, str],
    translate: Mapping[str, float],
) -> dict[str, npt.NDArray[Any]]:
    """Columns in physical units, where the size of a pixel is known.

    Places are those that an OME-Zarr of the same pixels gives them.
    """
    physical: dict[str, npt.NDArray[Any]] = {}
    for axis in (*index_axes, *plane_axes):
        if axis in scale and axis in units:
            place = translate.get(axis, 0.0) + columns[axis.lower()] * scale[axis]
            physical[f"{axis.lower()}_{_short(units[axis])}"] = place
    rows, across = plane_axes
    is_known = rows in scale and across in scale and rows in units
    if is_known and units[rows] == units.get(across):
        unit = _short(units[rows])
        physical[f"area_{unit}2"] = columns["area"] * abs(scale[rows] * scale[across])
    return physical


def _short(unit: str) -> str:
    """Short name of a unit, fit for the name of a column."""
    return _UNITS.get(unit.lower(), unit.replace("µ", "u").replace("μ", "u"))
