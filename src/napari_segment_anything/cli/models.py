"""``models list|fetch|path``: which models there are, and their weights."""

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from napari_segment_anything.cli.arguments import add_json_option
from napari_segment_anything.cli.summary_place import check_summary

if TYPE_CHECKING:
    from napari_segment_anything.models.catalogue import ModelEntry


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser("models", help="list and fetch models")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show all models")
    listing.set_defaults(run=run_list)
    fetching = actions.add_parser("fetch", help="download the weights of a model")
    fetching.add_argument("name")
    fetching.set_defaults(run=run_fetch)
    path = actions.add_parser("path", help="print where weights lie")
    path.add_argument(
        "name", nargs="?", help="a model; without it, the folder of all downloads"
    )
    path.set_defaults(run=run_path)
    for action in (listing, fetching, path):
        add_json_option(action)


def run_list(arguments: Namespace) -> None:
    """Print one line per model."""
    from napari_segment_anything.cli.summary import write_json
    from napari_segment_anything.models.catalogue import CATALOGUE
    from napari_segment_anything.models.files import find

    check_summary(arguments.json)
    rows = [_row(entry, find(entry) is not None) for entry in CATALOGUE.values()]
    for row in rows:
        sys.stdout.write(
            f"{row['name']:21} {row['state']:14} {row['licence']:11} {row['purpose']}\n"
        )
    write_json(arguments.json, {"models": rows})


def run_fetch(arguments: Namespace) -> None:
    """Download weights, with a bar that counts bytes."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.summary import write_json
    from napari_segment_anything.models.files import download

    entry = _entry(arguments.name)
    check_summary(arguments.json)
    if entry.is_bundled:
        run_path(arguments)
        return
    with ProgressBar("B", entry.name) as bar:
        path = run(download(entry), bar)
    sys.stdout.write(f"{path}\n")
    write_json(arguments.json, {"name": entry.name, "path": str(path)})


def run_path(arguments: Namespace) -> None:
    """Print the path of a model's weights, or of the folder of downloads."""
    from napari_segment_anything.cli.summary import write_json
    from napari_segment_anything.models.files import (
        find,
        model_folder,
        weights_path,
    )

    check_summary(arguments.json)
    if arguments.name is None:
        path, is_there = model_folder(), model_folder().is_dir()
    else:
        entry = _entry(arguments.name)
        found = find(entry)
        path, is_there = found or weights_path(entry), found is not None
    sys.stdout.write(f"{path}\n")
    if not is_there:
        sys.stderr.write("Nothing is there yet; 'models fetch NAME' downloads.\n")
    write_json(
        arguments.json,
        {"name": arguments.name, "path": str(path), "is_there": is_there},
    )


def _entry(name: str) -> "ModelEntry":
    from napari_segment_anything.errors import UnknownModelError
    from napari_segment_anything.models.catalogue import CATALOGUE

    if name not in CATALOGUE:
        raise UnknownModelError(
            f"There is no model named '{name}'; choose one of {', '.join(CATALOGUE)}."
        )
    return CATALOGUE[name]


def _row(entry: "ModelEntry", is_there: bool) -> dict[str, Any]:
    if entry.is_bundled:
        state = "bundled" if is_there else "missing"
    elif is_there:
        state = "downloaded"
    else:
        state = f"{entry.n_bytes / 1e6:,.0f} MB" if entry.n_bytes else "to download"
    return {
        "name": entry.name,
        "architecture": entry.architecture,
        "state": state,
        "is_there": is_there,
        "n_bytes": entry.n_bytes,
        "licence": entry.licence,
        "purpose": entry.purpose,
        "source": entry.source,
        "url": entry.url,
    }
