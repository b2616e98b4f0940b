"""Tracks that exist, from files of this and of other programs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.mask_scores import COLUMNS, MaskScores
from napari_segment_anything.batch.result_frames import axis_of
from napari_segment_anything.batch.track_graph import tracks_of_graph
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.ctc import is_ctc, read_ctc
from napari_segment_anything.storage.geff import read_geff
from napari_segment_anything.tracking.correction import EditableTracks
from napari_segment_anything.tracking.correction_steps import Place

Labels = npt.NDArray[np.integer]


def load_tracks(place: str | Path, lineage: str | Path | None = None) -> EditableTracks:
    """Read tracks of one movie into memory, to be reviewed, corrected or exported.

    Parameters
    ----------
    place : str or Path
        A folder of the Cell Tracking Challenge, or label images whose ids are those of
        tracks (TIFF, zarr, an OME-Zarr with labels, ``IMAGE.zarr/labels/NAME`` …).
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
        locked: frozenset[Place] = frozenset()
        # Who descends from whom is in the folder; what is locked is not.
        if lineage is not None and not Path(lineage).is_dir():
            locked = locked_of(read_tracks_table(Path(lineage)), "T")
        return EditableTracks(found.labels, parents, locked)
    place = _labels_in(place)
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
        graph = tracks_of_graph(read_geff(lineage))
        for frame, plane in enumerate(labels):
            labels[frame] = relabelled(plane, frame, graph.ids)
        return EditableTracks(labels, graph.parents, graph.locked)
    table = read_tracks_table(Path(lineage))
    return EditableTracks(labels, parents_of(table), locked_of(table, axis_of(stack)))


def _labels_in(place: str | Path) -> str | Path:
    """Find the labels of an OME-Zarr, which may have its image beside them."""
    names = sorted(path.parent.name for path in Path(place).glob("labels/*/zarr.json"))
    names += sorted(path.parent.name for path in Path(place).glob("labels/*/.zattrs"))
    if len(names) > 1:
        raise UnreadableInputError(
            f"{place} has the labels {', '.join(names)}; give one of them, as "
            f"{place}/labels/{names[0]}."
        )
    return Path(place) / "labels" / names[0] if names else place


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


def read_tracks_table(path: Path) -> pd.DataFrame:
    """Read a table of tracks, as ``track`` writes it beside the labels.

    Raises
    ------
    UnreadableInputError
        If the file is no such table.
    """
    try:
        table = pd.read_csv(path, converters={"repair": str})
        wanted = ["track_id", "parent_id"]
        return table.astype(dict.fromkeys(wanted, np.int64))
    except (OSError, ValueError, KeyError) as error:
        raise UnreadableInputError(
            f"{path} is no table with the columns track_id and parent_id ({error}); "
            "give the one that was written beside the labels."
        ) from error


def parents_of(table: pd.DataFrame) -> dict[int, int]:
    """Parent of each track of a table that has one."""
    pairs = table[["track_id", "parent_id"]].drop_duplicates().to_numpy()
    return {int(child): int(parent) for child, parent in pairs if parent}


def locked_of(
    table: pd.DataFrame, axis: str, place: Mapping[str, int] | None = None
) -> frozenset[Place]:
    """Frame and track of the objects of a movie that a table says are locked.

    Parameters
    ----------
    table : pandas.DataFrame
        From `read_tracks_table`.
    axis : str
        The tracked axis.
    place : mapping of str to int, optional
        Where the movie lies on other axes, where the table has several.
    """
    place = {letter.lower(): number for letter, number in (place or {}).items()}
    if not {"is_locked", axis.lower(), *place} <= set(table.columns):
        return frozenset()
    rows = table[table["is_locked"].astype(bool)]
    for letter, number in place.items():
        rows = rows[rows[letter] == number]
    pairs = rows[[axis.lower(), "track_id"]].to_numpy(np.int64)
    return frozenset((int(frame), int(track)) for frame, track in pairs)


def scores_of(
    table: pd.DataFrame,
    axis: str = "T",
    other_axes: str = "",
    plane_axes: tuple[str, str] = ("Y", "X"),
) -> MaskScores | None:
    """How sure the model was of each mask; None where the table does not say.

    Parameters
    ----------
    table : pandas.DataFrame
        From `read_tracks_table`.
    axis, other_axes, plane_axes
        See `MaskScores`.
    """
    letters = {letter.lower() for letter in (axis, *other_axes, *plane_axes)}
    if not {*letters, "area", *COLUMNS} <= set(table.columns):
        return None
    return MaskScores(table, axis, other_axes, plane_axes)
