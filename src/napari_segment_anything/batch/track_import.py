"""Tracks that exist, from files of this and of other programs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.mask_scores import COLUMNS, MaskScores
from napari_segment_anything.batch.track_graph import tracks_of_graph
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.ctc import is_ctc, read_ctc
from napari_segment_anything.storage.geff import read_geff
from napari_segment_anything.tracking.correction import EditableTracks

Labels = npt.NDArray[np.integer]


def load_tracks(place: str | Path, lineage: str | Path | None = None) -> EditableTracks:
    """Read tracks of one movie into memory, to be reviewed, corrected or exported.

    Parameters
    ----------
    place : str or Path
        A folder of the Cell Tracking Challenge, or label images whose ids are those of
        tracks (TIFF, zarr, ``IMAGE.zarr/labels/NAME`` …).
    lineage : str or Path, optional
        Who descends from whom, for label images: a table with the columns ``track_id``
        and ``parent_id``, as ``track`` writes it, or a GEFF, whose ``seg_id`` are the
        ids in the label images.

    Raises
    ------
    UnreadableInputError
        If something cannot be read, or the labels are no single movie.
    """
    if is_ctc(place):
        found = read_ctc(place)
        parents = {one: parent for one, _, _, parent in found.tracks if parent}
        return EditableTracks(found.labels, parents)
    stack = open_stack(place, unnamed="T")
    if "C" in stack.axes and "T" not in stack.axes:
        # Labels have no channels: three or four pages are frames.
        stack = open_stack(place, axes=stack.axes.replace("C", "T"))
    lengths = [n for n in stack.index_shape if n > 1]
    if len(lengths) > 1 or stack.is_rgb or stack.dtype.kind not in "iu":
        raise UnreadableInputError(
            f"{place} has the axes {stack.axes!r} and the type {stack.dtype}; give the "
            "label images of one movie. “track --ctc” writes a folder for each slice."
        )
    labels = np.stack([stack.read(index) for index in stack.indices()])
    labels = labels.astype(np.int32)
    if lineage is None:
        return EditableTracks(labels, {})
    if Path(lineage).is_dir():
        ids, parents = tracks_of_graph(read_geff(lineage))
        for frame, plane in enumerate(labels):
            labels[frame] = relabelled(plane, frame, ids)
        return EditableTracks(labels, parents)
    return EditableTracks(labels, parents_of_table(Path(lineage)))


def relabelled(
    plane: Labels, frame: int, ids: Mapping[tuple[int, int], int]
) -> npt.NDArray[np.int32]:
    """Turn the ids of a frame's label image into those of tracks.

    Parameters
    ----------
    plane : (H, W) int array
        Label image.
    frame : int
        Which frame.
    ids : mapping of (frame, label) to int
        Track of each label; others become 0.
    """
    lookup = np.zeros(int(plane.max(initial=0)) + 1, np.int32)
    for label in np.unique(plane[plane > 0]).tolist():
        lookup[label] = ids.get((frame, label), 0)
    found: npt.NDArray[np.int32] = lookup[plane]
    return found


def scores_of_table(path: Path, axis: str = "T") -> MaskScores | None:
    """How sure the model was of each mask, from a table; None where it does not say.

    Parameters
    ----------
    path : Path
        As ``track`` writes it beside the labels.
    axis : str
        The tracked axis.
    """
    table = pd.read_csv(path, keep_default_na=True, converters={"repair": str})
    if not {axis.lower(), "y", "x", "area", *COLUMNS} <= set(table.columns):
        return None
    return MaskScores(table, axis)


def parents_of_table(path: Path) -> dict[int, int]:
    """Parent of each track that has one, from a table of tracks.

    Raises
    ------
    UnreadableInputError
        If the file is no such table.
    """
    try:
        table = pd.read_csv(path)
        pairs = table[["track_id", "parent_id"]].drop_duplicates().to_numpy(np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableInputError(
            f"{path} is no table with the columns track_id and parent_id ({error}); "
            "give the one that was written beside the labels."
        ) from error
    return {int(child): int(parent) for child, parent in pairs if parent}
