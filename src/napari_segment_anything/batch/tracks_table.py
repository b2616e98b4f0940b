"""One row per object and frame: the table that a tracking job ends with."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.tracking.lineage import Lineage

Node = tuple[int, int]


def tracks_table(
    frames: Sequence[MaskSet],
    lineage: Lineage,
    *,
    axis: str,
    position: Mapping[str, int],
    repaired: Collection[Node] = (),
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
    repaired : collection of (frame, detection)
        Masks that detection missed and a prompt found.

    Returns
    -------
    pandas.DataFrame
        ``track_id``, one column per axis (``t``, ``z`` …), ``y``, ``x`` (centroid in
        pixels), ``area`` (pixels), ``predicted_iou``, ``stability_score``,
        ``parent_id`` (0 for none) and ``is_repaired``.
    """
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
        "y": yx[:, 0],
        "x": yx[:, 1],
        "area": np.array(gathered(areas), np.int64),
        "predicted_iou": np.array(
            gathered([masks.predicted_iou for masks in frames]), np.float32
        ),
        "stability_score": np.array(
            gathered([masks.stability_score for masks in frames]), np.float32
        ),
        "parent_id": np.array([track.parent for track, _, _ in nodes], np.int64),
        "is_repaired": np.array([(f, d) in repaired for _, f, d in nodes], bool),
    }
    return pd.DataFrame(columns)
