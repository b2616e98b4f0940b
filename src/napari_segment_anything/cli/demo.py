"""``demo [INPUT]``: the main job from beginning to end, on a given or made-up movie."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_segment_anything.cli.arguments import (
    add_overwrite_option,
    add_shared_options,
    add_show_option,
    add_store_option,
)

if TYPE_CHECKING:
    from napari_segment_anything.stacks.stack import Stack


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "demo", help="segment and track a movie, and draw what was found"
    )
    parser.add_argument(
        "input",
        nargs="?",
        type=Path,
        help="TIFF, zarr, OME-Zarr, folder … (default: a made-up movie of nuclei)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for the results (default: one in demo-output)",
    )
    add_shared_options(parser)
    add_store_option(parser)
    add_overwrite_option(parser)
    add_show_option(parser)
    parser.set_defaults(run=run_demo)


def run_demo(arguments: Namespace) -> None:
    """Track (a single image: segment) the input, draw it and say what was found."""
    from napari_segment_anything.batch.objects_table import objects_table
    from napari_segment_anything.batch.overlay import png_bytes
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.result_overlay import (
        segment_overlay,
        track_overlay,
    )
    from napari_segment_anything.batch.segment import SegmentResult, segment_stack
    from napari_segment_anything.batch.track import track_stack
    from napari_segment_anything.batch.track_result import TrackResult
    from napari_segment_anything.cli.inputs import predictor_of, store_of
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.show import check_show, show_result
    from napari_segment_anything.cli.summary import (
        candidates_file,
        report,
        segment_summary,
        track_summary,
        write_json,
    )
    from napari_segment_anything.storage.atomic import atomic_path
    from napari_segment_anything.storage.tables import write_tracks_table

    if arguments.show:
        check_show()
    stack = _stack(arguments)
    predictor = predictor_of(arguments)
    folder: Path = arguments.output or _default_folder(arguments, predictor.model_name)
    files = {
        "labels": folder / "result.ome.zarr",
        "overlay": folder / "overlay.png",
        "table": folder / _table_name(stack),
    }
    summary_file = folder / "summary.json"
    _check_places(arguments, stack, files, summary_file)
    options: dict[str, Any] = {
        "store": store_of(arguments.store),
        "output": files["labels"],
        "overwrite": arguments.overwrite,
    }
    result: SegmentResult | TrackResult
    with ProgressBar() as bar:
        if stack.time_axis is None:
            result = run(segment_stack(stack, predictor, **options), bar)
            summary = segment_summary(result, stack, predictor)
            write_tracks_table(files["table"], run(objects_table(stack, result), bar))
            picture = segment_overlay(stack, result)
        else:
            result = run(track_stack(stack, predictor, **options), bar)
            summary = track_summary(result, stack, predictor)
            write_tracks_table(files["table"], result.table)
            picture = track_overlay(stack, result)
    with atomic_path(files["overlay"]) as temporary:
        temporary.write_bytes(png_bytes(picture))
    summary["files"] = {name: str(path) for name, path in files.items()}
    summary["files"] |= candidates_file(result)
    write_json(summary_file, summary)
    report(summary, arguments.json)
    if arguments.show:
        show_result(stack, result)


def _table_name(stack: "Stack") -> str:
    return "objects.csv" if stack.time_axis is None else "tracks.csv"


def _check_places(
    arguments: Namespace, stack: "Stack", files: dict[str, Path], summary: Path
) -> None:
    """Raise if the folder holds what no earlier demo has put there."""
    from napari_segment_anything.batch.overlay import is_own_png
    from napari_segment_anything.cli.places import (
        check_objects_table,
        check_places,
        check_table,
        prepare_places,
    )
    from napari_segment_anything.cli.summary_place import check_summary
    from napari_segment_anything.errors import StorageError
    from napari_segment_anything.stacks.places import places_of

    reads = places_of(stack)
    for place in reads:
        if place.is_dir() and summary.parent.resolve() == place.resolve():
            # The picture would become a frame of the movie.
            raise StorageError(
                f"{place} is read, so no results are put into it; choose another "
                "folder (--output)."
            )
    check = check_objects_table if stack.time_axis is None else check_table
    check(files["table"], files["labels"], overwrite=arguments.overwrite)
    check_places({"table": files["table"]}, reads=reads, overwrite=True)
    overwrite = arguments.overwrite or is_own_png(files["overlay"])
    check_places({"overlay": files["overlay"]}, reads=reads, overwrite=overwrite)
    check_summary(summary)
    prepare_places(*files.values(), summary=arguments.json)


def _stack(arguments: Namespace) -> "Stack":
    from napari_segment_anything.cli.inputs import stack_of
    from napari_segment_anything.stacks.simulated import simulate_cells
    from napari_segment_anything.stacks.stack import Stack

    if arguments.input is None:
        movie = simulate_cells()
        return Stack(movie.images, "TYX", name="simulated", source="simulated nuclei")
    # A demo of tracking takes an axis without a name to be time.
    return stack_of(arguments, unnamed="T")


def _default_folder(arguments: Namespace, model: str) -> Path:
    if arguments.input is None:
        name = "simulated"
    else:
        # Sequences are often called 01, 02 …; their parent tells them apart.
        path: Path = arguments.input.resolve()
        name = f"{path.parent.name}-{path.stem}"
    return Path("demo-output") / f"{name}-{model}"
