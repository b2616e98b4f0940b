"""What a command says when it is done, to people and to programs."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WORDS = {
    "n_frames": "frames",
    "n_planes": "planes",
    "n_objects": "objects",
    "n_tracks": "tracks",
    "n_divisions": "divisions",
    "n_repaired": "repaired masks",
    "n_resumed": "taken from an earlier run",
    "n_encoded": "newly encoded",
}


def write_json(path: Path | None, summary: Mapping[str, Any]) -> None:
    """Write a summary as JSON; without a path, do nothing.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    if path is None:
        return
    from napari_segment_anything.storage.atomic import atomic_path

    text = json.dumps(summary, indent=2, default=str)
    with atomic_path(path) as temporary:
        temporary.write_text(f"{text}\n", encoding="utf-8")


def report(summary: Mapping[str, Any], path: Path | None) -> None:
    """Print a summary as one line per figure, and write it as JSON if asked to."""
    for key, value in summary.items():
        if key in _WORDS:
            sys.stdout.write(f"{_WORDS[key]:28} {value:>8}\n")
    for activity, seconds in summary.get("seconds", {}).items():
        sys.stdout.write(f"{f'seconds {activity}':28} {seconds:8.1f}\n")
    for name, written in summary.get("files", {}).items():
        sys.stdout.write(f"{name:10} {written}\n")
    write_json(path, summary)
