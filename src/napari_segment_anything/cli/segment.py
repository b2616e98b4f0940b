"""``segment INPUT OUTPUT.zarr``: all objects of each plane, without tracking."""

from argparse import Namespace
from typing import Any

from napari_segment_anything.cli.arguments import (
    add_image_option,
    add_job_options,
    add_overwrite_option,
    add_shared_options,
    add_show_option,
    add_store_option,
    location,
    zarr_path,
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser("segment", help="find all objects of each plane")
    parser.add_argument("input", type=location, help="TIFF, zarr, OME-Zarr, folder …")
    parser.add_argument(
        "output",
        type=zarr_path,
        help="OME-Zarr to write or continue, or IMAGE.zarr/labels/NAME",
    )
    add_shared_options(parser)
    add_job_options(parser)
    add_store_option(parser)
    add_overwrite_option(parser)
    add_image_option(parser)
    add_show_option(parser)
    parser.set_defaults(run=run_segment)


def run_segment(arguments: Namespace) -> None:
    """Segment every plane of the input."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.segment import segment_record, segment_stack
    from napari_segment_anything.cli.dry_run import dry_run
    from napari_segment_anything.cli.inputs import (
        cluster_of,
        predictor_of,
        stack_of,
        store_of,
    )
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.settings_file import job_settings
    from napari_segment_anything.cli.show import check_show, show_result
    from napari_segment_anything.cli.summary import report, segment_summary

    if arguments.show:
        check_show()
    stack = stack_of(arguments)
    predictor = predictor_of(arguments)
    settings = job_settings(arguments.settings, predictor)
    files = {"labels": str(arguments.output)}
    with cluster_of(arguments) as cluster, ProgressBar() as bar:
        if arguments.dry_run:
            dry_run(
                arguments,
                stack,
                predictor,
                settings,
                command="segment",
                files=files,
                cluster=cluster,
                record_of=lambda limits: segment_record(
                    stack, predictor, settings.automatic, limits
                ),
            )
            return
        job = segment_stack(
            stack,
            predictor,
            settings=settings.automatic,
            intensity_range=settings.intensity_range,
            store=store_of(arguments.store),
            output=arguments.output,
            overwrite=arguments.overwrite,
            copy_image=not arguments.no_image,
            cluster=cluster,
        )
        result = run(job, bar)
    summary = segment_summary(result, stack, predictor)
    report(summary | {"files": files}, arguments.json)
    if arguments.show:
        show_result(stack, result)
