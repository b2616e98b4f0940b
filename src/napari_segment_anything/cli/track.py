"""``track INPUT OUTPUT.zarr``: all objects, followed through time."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from napari_segment_anything.cli.arguments import (
    add_overwrite_option,
    add_shared_options,
    add_store_option,
    zarr_path,
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "track", help="find all objects and follow them through time"
    )
    parser.add_argument("input", type=Path, help="TIFF, zarr, OME-Zarr, folder …")
    parser.add_argument("output", type=zarr_path, help="OME-Zarr to write or continue")
    parser.add_argument(
        "--along", choices="TZ", help="axis to follow objects along (default: T, or Z)"
    )
    parser.add_argument(
        "--no-repair",
        action="store_true",
        help="do not ask the model again where a track breaks",
    )
    add_shared_options(parser)
    add_store_option(parser)
    add_overwrite_option(parser)
    parser.set_defaults(run=run_track)


def run_track(arguments: Namespace) -> None:
    """Track every object of the input."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.track import track_stack
    from napari_segment_anything.cli.inputs import predictor_of, stack_of, store_of
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.summary import report, track_summary
    from napari_segment_anything.storage.tables import write_tracks_table

    # Whoever asks for tracks means an axis without a name to be time.
    stack = stack_of(arguments, unnamed="T")
    predictor = predictor_of(arguments)
    job = track_stack(
        stack,
        predictor,
        axis=arguments.along,
        repair=not arguments.no_repair,
        store=store_of(arguments.store),
        output=arguments.output,
        overwrite=arguments.overwrite,
    )
    with ProgressBar() as bar:
        result = run(job, bar)
    table = arguments.output.with_suffix(".csv")
    write_tracks_table(table, result.table)
    summary = track_summary(result, stack, predictor)
    files = {"labels": str(arguments.output), "table": str(table)}
    report(summary | {"files": files}, arguments.json)
