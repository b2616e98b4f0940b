"""Files that a command would write, looked at before any work is done."""

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from napari_segment_anything.cli.summary_place import check_summary

TRACK_COLUMNS = frozenset(
    {"track_id", "parent_id", "confidence", "is_repaired", "repair"}
)
"""Some columns of the table that ``track`` writes; a corrected one has others, too."""

OBJECT_COLUMNS = frozenset({"label", "area", "mean_intensity", "predicted_iou"})
"""Some columns of the table that ``segment`` writes."""

_CORRECTED = "is_locked"


def check_places(
    wanted: Mapping[str, Path | None], *, reads: Iterable[Path], overwrite: bool
) -> None:
    """Raise unless files may be written: nothing is lost that was not meant to be.

    Parameters
    ----------
    wanted : mapping of str to Path or None
        Where to write, by kind: ``ctc`` and ``geff`` are folders, others are files.
    reads : iterable of Path
        What the command itself reads or writes besides; never replaced.
    overwrite : bool
        Whether what is there already may be replaced.

    Raises
    ------
    StorageError
        If a file is not to be replaced.
    InvalidSettingsError
        If two files would lie at one place.
    """
    from napari_segment_anything.errors import InvalidSettingsError, StorageError
    from napari_segment_anything.stacks.places import lies_in
    from napari_segment_anything.storage.label_layout import is_free

    reads, seen = list(reads), set()
    for kind, path in wanted.items():
        if path is None:
            continue
        if path.absolute() in seen:
            raise InvalidSettingsError(
                f"{path} is named for two results; give each a place of its own."
            )
        seen.add(path.absolute())
        for place in reads:
            if place.absolute() == path.absolute() or lies_in(place, path):
                raise StorageError(
                    f"{path} is not overwritten, as the command needs {place} itself; "
                    "choose another place."
                )
        if is_free(path):
            continue
        if not overwrite:
            raise StorageError(
                f"{path} exists already; choose another place, or allow to replace it "
                "(--overwrite)."
            )
        _check_kind(kind, path)


def prepare_places(
    *places: Path | None, summary: Path | None, is_dry_run: bool = False
) -> None:
    """Say which folders are made for results, as a name that is mistyped makes one.

    Parameters
    ----------
    *places : Path or None
        Files and folders that the command is going to write.
    summary : Path or None
        Where ``--json`` goes.
    is_dry_run : bool, optional
        Whether nothing but the summary is written, so that only its folder is made.

    Raises
    ------
    StorageError
        If one cannot be made where it is to lie, or the summary would replace
        something else; known before any work is done.
    InvalidSettingsError
        If the summary would lie where a result does.
    """
    from napari_segment_anything.errors import StorageError

    check_summary(summary, places, is_dry_run=is_dry_run)
    said = set()
    # In a dry run a folder that the summary makes is said to be made.
    for place in (summary, *places) if is_dry_run else (*places, summary):
        if place is None:
            continue
        whole = place.expanduser().absolute()
        if whole.is_dir():
            # It is continued: whoever owns it need not own the folder around it.
            continue
        parent = whole.parent
        there = next(folder for folder in (parent, *parent.parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            reason = "may not be written to" if there.is_dir() else "is no folder"
            raise StorageError(
                f"{place} cannot be written, as {there} {reason}; choose another place."
            )
        if there != parent and parent not in said:
            said.add(parent)
            is_made = not is_dry_run or place == summary
            verb = "is" if is_made else "would be"
            sys.stderr.write(f"{place.parent} {verb} a new folder, for {place.name}\n")


def check_table(
    table: Path,
    output: Path,
    *,
    overwrite: bool,
    columns: Collection[str] = TRACK_COLUMNS,
) -> None:
    """Raise unless the table of a result may be written beside it.

    Parameters
    ----------
    table : Path
        Where it is to lie. The one that an earlier run of the same job wrote is
        replaced.
    output : Path
        The result.
    overwrite : bool
        Whether any other file may be replaced.
    columns : collection of str
        Some that the table of an earlier run has.

    Raises
    ------
    StorageError
        If something else is there.
    """
    from napari_segment_anything.errors import StorageError
    from napari_segment_anything.storage.label_layout import is_free
    from napari_segment_anything.storage.tables import columns_of

    if not table.exists():
        return
    if overwrite:
        _check_kind("csv", table)
        return
    found = columns_of(table)
    is_of_a_run = found >= set(columns) and _CORRECTED not in found
    if is_free(output) or not is_of_a_run:
        raise StorageError(
            f"{table} exists already and is not the table of {output}, which would "
            "lie there; move it, choose another output, or allow to replace it "
            "(--overwrite)."
        )


def check_objects_table(table: Path, output: Path, *, overwrite: bool) -> None:
    """Raise unless the table of ``segment`` may be written; see `check_table`.

    Its place is free to choose, so one that is there may be that of another result.
    """
    from napari_segment_anything.batch.objects_match import is_table_of
    from napari_segment_anything.errors import StorageError
    from napari_segment_anything.storage.label_group import split_label_path
    from napari_segment_anything.storage.label_layout import LabelLayout
    from napari_segment_anything.storage.label_store import LabelStore

    check_table(table, output, overwrite=overwrite, columns=OBJECT_COLUMNS)
    if overwrite or not table.exists():
        return
    name = split_label_path(output)[1] or LabelLayout.name
    if not is_table_of(table, LabelStore.open(output, name=name, mode="r")):
        raise StorageError(
            f"{table} exists already and lists other objects than {output} holds; move "
            "it, choose another place (--table), or allow to replace both "
            "(--overwrite)."
        )


def _check_kind(kind: str, path: Path) -> None:
    """Raise if something is at a path that is no earlier result of this kind."""
    from napari_segment_anything.errors import StorageError
    from napari_segment_anything.storage.ctc import check_replaceable
    from napari_segment_anything.storage.geff import is_geff

    if kind == "ctc":
        check_replaceable(path)
    elif path.is_dir() and not (kind == "geff" and is_geff(path)):
        what = "no GEFF" if kind == "geff" else "a folder"
        raise StorageError(
            f"{path} is {what} and is not overwritten; choose another place."
        )
