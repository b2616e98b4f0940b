"""``embed INPUT --store DIR``: compute the embeddings of all planes ahead of time."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from napari_segment_anything.cli.arguments import (
    add_job_options,
    add_shared_options,
    add_store_option,
    location,
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "embed", help="compute embeddings ahead of time, for instance on a cluster"
    )
    parser.add_argument("input", type=location, help="TIFF, zarr, OME-Zarr, folder …")
    parser.add_argument(
        "output",
        nargs="?",
        type=Path,
        help="folder of embeddings, same as --store",
    )
    add_store_option(parser)
    add_shared_options(parser)
    add_job_options(parser)
    parser.set_defaults(run=run_embed)


def run_embed(arguments: Namespace) -> None:
    """Embed every plane of the input."""
    from napari_segment_anything.batch.embed import embed_stack
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.cli.dry_run import dry_run
    from napari_segment_anything.cli.inputs import (
        cluster_of,
        predictor_of,
        stack_of,
        store_of,
        store_path,
    )
    from napari_segment_anything.cli.places import prepare_places
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.reading import say_stretch
    from napari_segment_anything.cli.settings_file import job_settings
    from napari_segment_anything.cli.summary import embed_summary, report

    # Planes are embedded one by one, so what an unnamed axis means does not matter.
    stack = stack_of(arguments, unnamed="T")
    say_stretch(stack)
    prepare_places(
        arguments.output or arguments.store,
        summary=arguments.json,
        is_dry_run=arguments.dry_run,
    )
    predictor = predictor_of(arguments)
    settings = job_settings(arguments.settings, predictor)
    place = store_path(arguments.output or arguments.store)
    files = {"store": str(place)}
    with cluster_of(arguments) as cluster, ProgressBar() as bar:
        if arguments.dry_run:
            dry_run(
                arguments,
                stack,
                predictor,
                settings,
                command="embed",
                files=files,
                cluster=cluster,
                # Opening it makes its folder; a run that writes nothing must not.
                store=store_of(place) if place.exists() else None,
            )
            return
        job = embed_stack(
            stack,
            predictor,
            store_of(arguments.output or arguments.store),
            settings=settings.automatic,
            intensity_range=settings.intensity_range,
            cluster=cluster,
        )
        done = run(job, bar)
    summary = embed_summary(done, stack, predictor)
    report(summary | {"files": files}, arguments.json)
