"""``embed INPUT --store DIR``: compute the embeddings of all planes ahead of time."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from napari_segment_anything.cli.arguments import (
    add_shared_options,
    add_store_option,
)


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "embed", help="compute embeddings ahead of time, for instance on a cluster"
    )
    parser.add_argument("input", type=Path, help="TIFF, zarr, OME-Zarr, folder …")
    add_store_option(parser)
    add_shared_options(parser)
    parser.set_defaults(run=run_embed)


def run_embed(arguments: Namespace) -> None:
    """Embed every plane of the input."""
    from napari_segment_anything.batch.embed import embed_stack
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.cli.inputs import predictor_of, stack_of, store_of
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.summary import embed_summary, report

    # Planes are embedded one by one, so what an unnamed axis means does not matter.
    stack = stack_of(arguments, unnamed="T")
    predictor = predictor_of(arguments)
    store = store_of(arguments.store)
    with ProgressBar() as bar:
        done = run(embed_stack(stack, predictor, store), bar)
    summary = embed_summary(done, stack, predictor)
    report(summary | {"files": {"store": str(store.path)}}, arguments.json)
