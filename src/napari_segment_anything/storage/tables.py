"""Tables of tracks as CSV files."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from napari_segment_anything.storage.atomic import atomic_path


def write_tracks_table(
    path: str | Path,
    rows: pd.DataFrame | Iterable[Mapping[str, object]],
    *,
    columns: Iterable[str] | None = None,
) -> None:
    """Write rows as CSV; the file is whole or as it was before.

    Parameters
    ----------
    path : str or Path
        File to write.
    rows : pandas.DataFrame or iterable of mapping
        The table, or one mapping of column to value per row.
    columns : iterable of str, optional
        Names and order of the columns; by default those of the first row.

    Raises
    ------
    StorageError
        If the disk is full or the place may not be written to.
    """
    if isinstance(rows, pd.DataFrame):
        names = list(columns) if columns is not None else list(rows.columns)
        with atomic_path(path) as temporary:
            rows.to_csv(temporary, index=False, columns=names)
        return
    listed = list(rows)
    names = list(columns) if columns is not None else list(listed[0] if listed else ())
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)


def columns_of(path: str | Path) -> frozenset[str]:
    """Names of the columns of a CSV file; none if it is no such file."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return frozenset(next(csv.reader(file), ()))
    except (OSError, ValueError, csv.Error):
        return frozenset()
