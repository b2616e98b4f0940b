"""Where a summary may be written: it takes the place of an earlier one alone."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PROGRAM = "napari-segment-anything"
"""What a summary says of who has written it, below ``program``."""

_BEFORE_THE_MARK = frozenset({"command", "input", "axes", "shape"})
# A summary is far smaller; larger files need not be read to know that they are none.
_MOST_BYTES = 1_000_000


def check_summary(
    path: Path | None, results: Iterable[Path | None] = (), *, is_dry_run: bool = False
) -> None:
    """Raise unless a summary may be written: nothing but an earlier one is replaced.

    Parameters
    ----------
    path : Path or None
        Where it is to lie; None writes none.
    results : iterable of Path or None
        What else the command is going to write.
    is_dry_run : bool, optional
        Whether the summary is all that is written.

    Raises
    ------
    StorageError
        If something else is there.
    InvalidSettingsError
        If a result is to lie there, or the summary in a result that is not there.
    """
    from napari_segment_anything.errors import InvalidSettingsError, StorageError

    if path is None:
        return
    whole = path.expanduser().resolve()
    for result in filter(None, results):
        other = result.expanduser().resolve()
        if whole == other:
            raise InvalidSettingsError(
                f"{path} is named for a result and for the summary (--json); give each "
                "a place of its own."
            )
        is_made_too_early = is_dry_run and not other.exists()
        if other.is_relative_to(whole) or (
            is_made_too_early and whole.is_relative_to(other)
        ):
            raise InvalidSettingsError(
                f"The summary {path} (--json) and the result {result} cannot lie in "
                "each other; choose another place for the summary."
            )
    if whole.exists() and not is_replaceable(whole):
        raise StorageError(
            f"{path} exists already and is no summary of this program, so it is not "
            "replaced (--json); choose another place for the summary."
        )


def is_replaceable(path: Path) -> bool:
    """Whether a file is an earlier summary, by its content, or holds nothing at all."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return False
    try:
        text = path.read_text("utf-8")
        return not text or _is_summary(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _is_summary(found: Any) -> bool:
    return isinstance(found, Mapping) and (
        found.get("program") == PROGRAM or found.keys() >= _BEFORE_THE_MARK
    )
