"""``segment INPUT OUTPUT.zarr``: all objects of each plane, without tracking."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_segment_anything.cli.arguments import (
    add_image_option,
    add_job_options,
    add_overwrite_option,
    add_shared_options,
    add_show_option,
    add_store_option,
    add_table_option,
    location,
    zarr_path,
)

if TYPE_CHECKING:
    from napari_segment_anything.stacks.stack import Stack


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
    add_table_option(parser, "object and plane")
    parser.add_argument(
        "--tiff",
        type=Path,
        metavar="FILE",
        help="also write the labels as one OME-TIFF, for Fiji and other programs",
    )
    parser.set_defaults(run=run_segment)


def run_segment(arguments: Namespace) -> None:
    """Segment every plane of the input."""
    from napari_segment_anything.batch.objects_table import objects_table
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
    from napari_segment_anything.cli.reading import say_stretch
    from napari_segment_anything.cli.settings_file import job_settings
    from napari_segment_anything.cli.show import check_show, show_result
    from napari_segment_anything.cli.summary import (
        candidates_file,
        report,
        segment_summary,
    )
    from napari_segment_anything.storage.label_store import LabelStore
    from napari_segment_anything.storage.label_tiff import write_label_tiff
    from napari_segment_anything.storage.tables import write_tracks_table

    if arguments.show:
        check_show()
    stack = stack_of(arguments)
    say_stretch(stack)
    _check_places(arguments, stack)
    predictor = predictor_of(arguments)
    settings = job_settings(arguments.settings, predictor)
    files = {"labels": str(arguments.output)}
    if arguments.table:
        files["table"] = str(arguments.table)
    if arguments.tiff:
        files["tiff"] = str(arguments.tiff)
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
        if arguments.table:
            write_tracks_table(arguments.table, run(objects_table(stack, result), bar))
    labels = result.labels
    if arguments.tiff and isinstance(labels, LabelStore):  # as always with an output
        write_label_tiff(
            arguments.tiff,
            labels.labels,
            labels.axes,
            scale=stack.scale,
            units=stack.units,
        )
    files |= candidates_file(result)
    summary = segment_summary(result, stack, predictor)
    report(summary | {"files": files}, arguments.json)
    if arguments.show:
        show_result(stack, result)


def _check_places(arguments: Namespace, stack: "Stack") -> None:
    from napari_segment_anything.cli.places import (
        check_objects_table,
        check_places,
        prepare_places,
    )
    from napari_segment_anything.stacks.places import places_of

    table, output = arguments.table, arguments.output
    if table is not None:
        check_objects_table(table, output, overwrite=arguments.overwrite)
        reads = [*places_of(stack), output, *filter(None, [arguments.json])]
        # An earlier table of the same job may be replaced, as was just made sure.
        check_places({"table": table}, reads=reads, overwrite=True)
    tiff, is_dry_run = arguments.tiff, arguments.dry_run
    reads = [*places_of(stack), output, *filter(None, [table, arguments.json])]
    check_places({"TIFF": tiff}, reads=reads, overwrite=arguments.overwrite)
    prepare_places(output, table, tiff, summary=arguments.json, is_dry_run=is_dry_run)
