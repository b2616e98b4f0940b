"""What a command says when it is done, to people and to programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_segment_anything.cli.reading import reading_line, reading_of
from napari_segment_anything.cli.summary_place import PROGRAM

if TYPE_CHECKING:
    from napari_segment_anything.batch.embed import EmbedSummary
    from napari_segment_anything.batch.segment import SegmentResult
    from napari_segment_anything.batch.track_result import TrackResult
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.review import Doubt

# What a figure counts, one of it and several.
_COUNTS = {
    "n_frames": ("frame", "frames"),
    "n_planes": ("plane", "planes"),
    "n_objects": ("object", "objects"),
    "n_tracks": ("track", "tracks"),
    "n_divisions": ("division", "divisions"),
    "n_repaired": (
        "object found again by prompting",
        "objects found again by prompting",
    ),
    "n_resumed": (
        "plane found in an earlier run, not searched again",
        "planes found in an earlier run, not searched again",
    ),
    "n_encoded": ("plane newly encoded", "planes newly encoded"),
    "n_corrections": ("correction", "corrections"),
    "n_doubts": (
        "doubtful place, listed here",
        "doubtful places, the worst of which are listed here",
    ),
}
# What is not plain from the name of a result.
_EXPLAINED = {
    "candidates": "masks before any threshold, so that other thresholds need no model; "
    "may be deleted",
}
# So many doubtful places are named; --doubts writes all.
N_DOUBTS = 10


def embed_summary(
    done: "EmbedSummary", stack: "Stack", predictor: "MaskPredictor"
) -> dict[str, Any]:
    """Summarise an embedding job as figures that JSON can hold."""
    return {
        **input_summary("embed", stack, predictor),
        "n_planes": done.n_planes,
        "n_encoded": done.n_encoded,
        "intensity_range": list(done.intensity_range),
        "seconds": {"embedding": done.seconds},
    }


def segment_summary(
    result: "SegmentResult", stack: "Stack", predictor: "MaskPredictor"
) -> dict[str, Any]:
    """Summarise a segmentation as figures that JSON can hold."""
    return {
        **input_summary("segment", stack, predictor),
        "n_planes": result.n_planes,
        "n_objects": result.n_objects,
        "n_resumed": result.n_resumed,
        "intensity_range": list(result.intensity_range),
        "seconds": dict(result.seconds),
    }


def track_summary(
    result: "TrackResult", stack: "Stack", predictor: "MaskPredictor"
) -> dict[str, Any]:
    """Summarise a tracking as figures that JSON can hold."""
    return {
        **input_summary("track", stack, predictor),
        "along": result.axis,
        "n_frames": result.n_frames,
        "n_objects": result.n_objects,
        "n_tracks": result.n_tracks,
        "n_divisions": result.n_divisions,
        "n_repaired": result.n_repaired,
        "n_resumed": result.n_resumed,
        "intensity_range": list(result.intensity_range),
        "seconds": dict(result.seconds),
    }


def report_correction(
    stack: "Stack",
    tracks: "EditableTracks",
    doubts: Sequence["Doubt"],
    *,
    n_steps: int,
    files: Mapping[str, str],
    path: Path | None,
) -> None:
    """Say what corrected tracks are like, and which places are doubtful."""
    from napari_segment_anything.batch.result_frames import axis_of

    divided = [track for track in tracks.tracks if len(tracks.children(track)) > 1]
    summary = {
        "command": "correct",
        "input": stack.source or stack.name,
        "axes": stack.axes,
        "shape": list(stack.shape),
        "reading": reading_of(stack),
        "n_frames": tracks.n_frames,
        "n_tracks": len(tracks.tracks),
        "n_divisions": len(divided),
        "n_corrections": n_steps,
        "n_doubts": len(doubts),
        "files": dict(files),
    }
    sys.stdout.write(reading_line(reading_of(stack)))
    _write_counts(summary)
    word = "slice" if axis_of(stack) == "Z" else "frame"
    for doubt in doubts[:N_DOUBTS]:
        sys.stdout.write(
            f"{doubt.score:10.2f} {word} {doubt.frame}: track {doubt.track} "
            f"{doubt.reason}\n"
        )
    for name, written in files.items():
        sys.stdout.write(f"{name:>10}: {written}\n")
    if n_steps and not set(files) - {"doubts"}:
        sys.stdout.write(
            "The corrected tracks were not written: say where by --ctc DIR, "
            "--geff DIR, --table CSV or --tree SVG.\n"
        )
    write_json(path, summary)


def report(summary: Mapping[str, Any], path: Path | None) -> None:
    """Print a summary as one line per figure, and write it as JSON if asked to."""
    sys.stdout.write(reading_line(summary["reading"]))
    sys.stdout.write(f"model {summary['model']} on {summary['device']}\n")
    _write_counts(summary)
    for activity, seconds in summary["seconds"].items():
        sys.stdout.write(f"{seconds:10.1f} seconds {activity}\n")
    for name, written in summary.get("files", {}).items():
        explained = f" ({_EXPLAINED[name]})" if name in _EXPLAINED else ""
        sys.stdout.write(f"{name:>10}: {written}{explained}\n")
    write_json(path, summary)


def candidates_file(result: "SegmentResult | TrackResult") -> dict[str, str]:
    """Return where the candidates of a result lie, if there are any on disk."""
    from napari_segment_anything.batch.segment import candidates_beside
    from napari_segment_anything.storage.label_store import LabelStore

    labels = result.labels
    kept = candidates_beside(labels) if isinstance(labels, LabelStore) else None
    # Somebody may have deleted them, and all planes were done.
    if kept is None or not kept.path.is_dir():
        return {}
    return {"candidates": str(kept.path)}


def _write_counts(summary: Mapping[str, Any]) -> None:
    for key, (one, several) in _COUNTS.items():
        if key in summary:
            words = one if summary[key] == 1 else several
            sys.stdout.write(f"{summary[key]:>10} {words}\n")


def write_json(path: Path | None, summary: Mapping[str, Any]) -> None:
    """Write a summary as JSON; without a path, do nothing.

    Whether something else is there is looked at before the work, by `check_summary`.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    if path is None:
        return
    from napari_segment_anything.storage.atomic import atomic_path

    text = json.dumps({"program": PROGRAM, **summary}, indent=2) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def input_summary(
    command: str, stack: "Stack", predictor: "MaskPredictor"
) -> dict[str, Any]:
    """Say what was looked at, and by which model."""
    from napari_segment_anything.engine.device import describe_device

    return {
        "command": command,
        "input": stack.source or stack.name,
        "axes": stack.axes,
        "shape": list(stack.shape),
        "reading": reading_of(stack),
        "model": predictor.model_name,
        "model_digest": predictor.model_digest,
        "device": describe_device(predictor.device),
    }
