"""``--dry-run``: what a command would read and write, and how long it would take."""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from napari_segment_anything.cli.reading import reading_line
from napari_segment_anything.cli.summary import input_summary, write_json

if TYPE_CHECKING:
    from napari_segment_anything.batch.cluster import Cluster
    from napari_segment_anything.batch.track_start import StartLabels
    from napari_segment_anything.cli.settings_file import JobSettings
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.stacks.intensity import IntensityRange
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore


def dry_run(
    arguments: Namespace,
    stack: "Stack",
    predictor: "MaskPredictor",
    settings: "JobSettings",
    *,
    command: str,
    files: Mapping[str, str],
    cluster: "Cluster | None" = None,
    store: "ZarrEmbeddingStore | None" = None,
    record_of: "Callable[[IntensityRange], Mapping[str, Any]] | None" = None,
    start: "StartLabels | None" = None,
) -> None:
    """Try one plane, write nothing but the summary, and say what was found.

    Parameters
    ----------
    arguments, stack, predictor, settings
        As the command has them.
    command : str
        Its name.
    files : mapping of str to str
        What it would write.
    cluster : Cluster, optional
        Workers that would share the planes.
    store : ZarrEmbeddingStore, optional
        Embeddings that are there already.
    record_of : callable, optional
        Returns all that the labels would depend on.
    start : StartLabels, optional
        Labels that the command would read, too.

    Raises
    ------
    StorageError
        If the output or the store holds something else.
    """
    from napari_segment_anything.batch.estimate import estimate_job
    from napari_segment_anything.batch.output import labels_of_earlier_run
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.cli.inputs import store_of
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.stacks.intensity import (
        IntensityRange,
        estimate_intensity_range,
    )
    from napari_segment_anything.storage.label_group import split_label_path

    limits = IntensityRange(
        *(settings.intensity_range or estimate_intensity_range(stack))
    )
    n_done = 0
    if record_of is not None:
        labels = labels_of_earlier_run(
            arguments.output,
            stack,
            record=record_of(limits),
            overwrite=arguments.overwrite,
            start=start.labels if start else None,
        )
        # Tracks depend on all frames, so those that are done are looked at again.
        if labels is not None and command == "segment":
            n_done = sum(labels.done(index) for index in stack.indices())
    if store is None and arguments.store is not None and arguments.store.exists():
        # A folder that is no store is refused.
        store_of(arguments.store)
    n_workers = cluster.n_workers if cluster else 1
    job = estimate_job(
        stack,
        predictor,
        settings.automatic,
        limits,
        finds_objects=command != "embed",
        copies_image=not getattr(arguments, "no_image", True)
        and split_label_path(arguments.output)[1] is None,
        n_done=n_done,
        n_workers=n_workers,
        store=store,
    )
    with ProgressBar() as bar:
        estimate = run(job, bar)
    summary = {
        **input_summary(command, stack, predictor),
        "dry_run": True,
        "n_planes": estimate.n_planes,
        "n_done": estimate.n_done,
        "n_ready": estimate.n_ready,
        "n_workers": n_workers,
        "bytes_read": estimate.bytes_read,
        "bytes_written": dict(estimate.bytes_written),
        "seconds_per_plane": estimate.seconds_per_plane,
        "seconds_expected": estimate.seconds,
        "files": dict(files),
    }
    _print(summary, is_tracking=command == "track")
    write_json(arguments.json, summary)


def _print(summary: Mapping[str, Any], *, is_tracking: bool) -> None:
    n_left = summary["n_planes"] - summary["n_done"] - summary["n_ready"]
    lines = [
        reading_line(summary["reading"]).rstrip(),
        f"model {summary['model']} on {summary['device']}",
        f"would work on {n_left} of {summary['n_planes']} "
        + ("plane" if summary["n_planes"] == 1 else "planes")
        + _ready(summary["n_ready"]),
        f"would read {_size(summary['bytes_read'])} of pixels",
        *(
            f"would write {_amount(what, n_bytes, is_tracking=is_tracking)}"
            for what, n_bytes in summary["bytes_written"].items()
        ),
        f"would take about {_duration(summary['seconds_expected'])}, "
        f"{_seconds(format(summary['seconds_per_plane'], '.2g'))} a plane"
        + (f", by {summary['n_workers']} workers" if summary["n_workers"] > 1 else "")
        + (", without linking and repair" if is_tracking else ""),
        *(f"{name}: {place}" for name, place in summary["files"].items()),
        "Nothing was written. Planes that the store has already are not encoded again.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _amount(what: str, n_bytes: int, *, is_tracking: bool) -> str:
    # Labels and images get smaller by compression; how many windows of a plane are
    # encoded differs from plane to plane.
    if what != "embeddings":
        return f"at most {_size(n_bytes)} of {what}"
    more = ", and more where tracks are repaired" if is_tracking else ""
    return f"about {_size(n_bytes)} of {what}{more}"


def _ready(n_planes: int) -> str:
    if not n_planes:
        return ""
    return f", {n_planes} {'is' if n_planes == 1 else 'are'} ready"


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return _seconds(f"{seconds:.0f}")
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _seconds(number: str) -> str:
    return f"{number} second" if number == "1" else f"{number} seconds"
