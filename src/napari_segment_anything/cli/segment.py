"""``segment INPUT OUTPUT.zarr``: all objects of each plane, without tracking."""

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
    parser = commands.add_parser("segment", help="find all objects of each plane")
    parser.add_argument("input", type=Path, help="TIFF, zarr, OME-Zarr, folder …")
    parser.add_argument("output", type=zarr_path, help="OME-Zarr to write or continue")
    add_shared_options(parser)
    add_store_option(parser)
    add_overwrite_option(parser)
    parser.set_defaults(run=run_segment)


def run_segment(arguments: Namespace) -> None:
    """Segment every plane of the input."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.segment import segment_stack
    from napari_segment_anything.cli.inputs import predictor_of, stack_of, store_of
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.summary import report, segment_summary

    stack = stack_of(arguments)
    predictor = predictor_of(arguments)
    job = segment_stack(
        stack,
        predictor,
        store=store_of(arguments.store),
        output=arguments.output,
        overwrite=arguments.overwrite,
    )
    with ProgressBar() as bar:
        result = run(job, bar)
    summary = segment_summary(result, stack, predictor)
    report(summary | {"files": {"labels": str(arguments.output)}}, arguments.json)
