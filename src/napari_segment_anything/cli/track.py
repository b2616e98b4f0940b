"""``track INPUT OUTPUT.zarr``: all objects, followed through time."""

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
from napari_segment_anything.cli.track_options import (
    add_export_options,
    add_motion_options,
    add_start_options,
    export,
    start_of,
    wanted_files,
    words_of,
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "track", help="find all objects and follow them through time"
    )
    parser.add_argument("input", type=location, help="TIFF, zarr, OME-Zarr, folder …")
    parser.add_argument(
        "output",
        type=zarr_path,
        help="OME-Zarr to write or continue, or IMAGE.zarr/labels/NAME",
    )
    parser.add_argument(
        "--along", choices="TZ", help="axis to follow objects along (default: T, or Z)"
    )
    parser.add_argument(
        "--project",
        choices=("max", "mean"),
        help="project along Z, and follow the objects of the projection (default: each "
        "slice for itself)",
    )
    parser.add_argument(
        "--no-repair",
        action="store_true",
        help="do not ask the model again where a track breaks",
    )
    add_start_options(parser)
    add_motion_options(parser)
    add_export_options(parser)
    add_shared_options(parser)
    add_job_options(parser)
    add_store_option(parser)
    add_overwrite_option(parser)
    add_image_option(parser)
    add_show_option(parser)
    parser.set_defaults(run=run_track)


def run_track(arguments: Namespace) -> None:
    """Track every object of the input."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.track import (
        checked_axis,
        track_record,
        track_stack,
    )
    from napari_segment_anything.cli.dry_run import dry_run
    from napari_segment_anything.cli.inputs import (
        cluster_of,
        predictor_of,
        stack_of,
        store_of,
    )
    from napari_segment_anything.cli.places import (
        check_places,
        check_table,
        prepare_places,
    )
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.settings_file import job_settings
    from napari_segment_anything.cli.show import check_show, show_result
    from napari_segment_anything.cli.summary import (
        candidates_file,
        report,
        track_summary,
    )
    from napari_segment_anything.cli.table_place import table_beside
    from napari_segment_anything.stacks.places import places_of
    from napari_segment_anything.storage.tables import write_tracks_table

    if arguments.show:
        check_show()
    # Whoever asks for tracks means an axis without a name to be time.
    stack = stack_of(arguments, unnamed="T")
    start = start_of(arguments, stack)
    table = table_beside(arguments.output)
    check_table(table, arguments.output, overwrite=arguments.overwrite)
    check_places(
        wanted_files(arguments),
        reads=[
            *places_of(stack),
            *places_of(start.labels if start else None),
            arguments.output,
            table,
        ],
        overwrite=arguments.overwrite,
    )
    prepare_places(
        arguments.output,
        table,
        *wanted_files(arguments).values(),
        summary=arguments.json,
        is_dry_run=arguments.dry_run,
    )
    predictor = predictor_of(arguments)
    settings = job_settings(arguments.settings, predictor)
    files = {"labels": str(arguments.output), "table": str(table)}
    how: dict[str, Any] = {
        "linking": words_of(arguments) or settings.linking,
        "repair": not arguments.no_repair,
        "start": start,
        "forwards": arguments.direction != "backwards",
        "backwards": arguments.direction != "forwards",
    }
    with cluster_of(arguments) as cluster, ProgressBar() as bar:
        if arguments.dry_run:
            if start is not None:
                start.check(stack)
            axis = checked_axis(stack, arguments.along)
            dry_run(
                arguments,
                stack,
                predictor,
                settings,
                command="track",
                files=files,
                cluster=cluster,
                record_of=lambda limits: track_record(
                    stack, predictor, settings.automatic, limits, axis=axis, **how
                ),
                start=start,
            )
            return
        job = track_stack(
            stack,
            predictor,
            axis=arguments.along,
            settings=settings.automatic,
            intensity_range=settings.intensity_range,
            store=store_of(arguments.store),
            output=arguments.output,
            overwrite=arguments.overwrite,
            copy_image=not arguments.no_image,
            cluster=cluster,
            **how,
        )
        result = run(job, bar)
    write_tracks_table(table, result.table)
    files |= export(arguments, result, stack) | candidates_file(result)
    summary = track_summary(result, stack, predictor)
    report(summary | {"files": files}, arguments.json)
    if arguments.show:
        show_result(stack, result)
