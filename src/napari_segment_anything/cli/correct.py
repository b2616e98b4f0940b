"""``correct INPUT TRACKS``: review and correct tracks that exist."""

import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from napari_segment_anything.cli.arguments import (
    add_overwrite_option,
    add_part_options,
    add_shared_options,
    add_store_option,
    add_table_option,
    location,
)
from napari_segment_anything.cli.track_options import (
    add_export_options,
    wanted_files,
    write_exports,
)
from napari_segment_anything.tracking.correction_forms import FORMS, PROMPT_FORM

_STEPS = "\n".join([*(f"  {n} {form}" for n, (form, _, _) in FORMS.items())])


def add_parser(commands: Any) -> None:
    """Add the command to the parser of all commands."""
    parser = commands.add_parser(
        "correct",
        help="review tracks that exist, and correct them",
        formatter_class=RawDescriptionHelpFormatter,
        epilog=f"steps:\n{_STEPS}\n  {PROMPT_FORM}\n",
    )
    parser.add_argument("input", type=location, help="the movie")
    parser.add_argument(
        "tracks",
        type=location,
        help="folder of the Cell Tracking Challenge, or label images (TIFF, "
        "IMAGE.zarr/labels/NAME …)",
    )
    parser.add_argument(
        "--lineage",
        type=Path,
        metavar="CSV|GEFF",
        help="who descends from whom, where the tracks are label images",
    )
    parser.add_argument(
        "--do",
        action="append",
        default=[],
        metavar="STEP",
        help="a correction, such as 'cut 7 40'; may be given several times",
    )
    parser.add_argument(
        "--steps", type=Path, metavar="FILE", help="text with one correction a line"
    )
    add_export_options(parser)
    add_table_option(parser, "object and frame")
    add_shared_options(parser)
    add_part_options(parser)
    add_store_option(parser)
    add_overwrite_option(parser)
    parser.set_defaults(run=run_correct)


def run_correct(arguments: Namespace) -> None:
    """Correct the tracks, list what is doubtful, write what was asked for."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.result_frames import axis_of, movie_of
    from napari_segment_anything.batch.track_correct import correct_tracks
    from napari_segment_anything.batch.track_import import (
        load_tracks,
        read_tracks_table,
        scores_of,
    )
    from napari_segment_anything.cli.inputs import predictor_of, stack_of, store_of
    from napari_segment_anything.cli.places import check_places, prepare_places
    from napari_segment_anything.cli.progress_bar import ProgressBar
    from napari_segment_anything.cli.summary import report_correction
    from napari_segment_anything.cli.table_place import lineage_beside
    from napari_segment_anything.stacks.places import places_of
    from napari_segment_anything.tracking.correction_words import parse_steps

    steps = parse_steps([*_lines(arguments.steps), *arguments.do])
    stack = stack_of(arguments, unnamed="T")
    # Tracks and their table are in memory by the time that anything is written.
    check_places(
        wanted_files(arguments),
        reads=places_of(stack),
        overwrite=arguments.overwrite,
    )
    prepare_places(*wanted_files(arguments).values(), summary=arguments.json)
    beside = lineage_beside(arguments.tracks) if arguments.lineage is None else None
    if beside is not None:
        sys.stderr.write(
            f"no divisions are read from label images: {beside} says who descends from "
            f"whom, give it by --lineage {beside}\n"
        )
    tracks = load_tracks(arguments.tracks, arguments.lineage)
    scores = None
    if arguments.lineage is not None and arguments.lineage.is_file():
        scores = scores_of(read_tracks_table(arguments.lineage), axis_of(stack))
    needs_model = any(step.needs_model for step in steps)
    with ProgressBar() as bar:
        job = correct_tracks(
            stack,
            tracks,
            steps,
            predictor_of(arguments) if needs_model else None,
            store=store_of(arguments.store) if needs_model else None,
            scores=scores,
        )
        doubts = run(job, bar)
    files = write_exports(arguments, movie_of(tracks, stack, scores), doubts)
    report_correction(
        stack, tracks, doubts, n_steps=len(steps), files=files, path=arguments.json
    )


def _lines(path: Path | None) -> list[str]:
    return [] if path is None else path.read_text("utf-8").splitlines()
