"""Options of ``track``: what to start from, how objects move, what else to write."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_segment_anything.cli.arguments import at_least, location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_segment_anything.batch.track_result import TrackResult
    from napari_segment_anything.batch.track_start import StartLabels
    from napari_segment_anything.batch.tracked_movies import TrackedMovies
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.tracking.words import MotionWords

_MOVES = {
    "hardly": "hardly",
    "quarter": "about a quarter of their size",
    "half": "about half their size",
    "far": "their own size or more",
}
_CHANGES = {"hardly": "hardly", "cells": "as cells do", "lot": "a lot"}


def add_start_options(parser: ArgumentParser) -> None:
    """Add the options for labels that exist already."""
    group = parser.add_argument_group("starting from labels that exist")
    group.add_argument(
        "--start-from",
        type=location,
        metavar="LABELS",
        help="label images of the same frames (TIFF, zarr …), or a folder of the Cell "
        "Tracking Challenge; frames without labels are 0",
    )
    group.add_argument(
        "--search",
        choices=("everything", "followed", "nothing"),
        default="everything",
        help="find what the labels lack; or follow only their objects; or search for "
        "nothing and carry them by prompts (default: %(default)s)",
    )
    group.add_argument(
        "--ids-are-tracks",
        action="store_true",
        help="the same id in two frames is the same object, which keeps its id",
    )
    group.add_argument(
        "--change-labels",
        action="store_true",
        help="masks of the labels may be changed; by default they are locked",
    )
    group.add_argument(
        "--locked-frames",
        type=frames,
        default=(),
        metavar="LIST",
        help="frames in which nothing is added or changed, such as 0,10-19; numbered "
        "as in the input, also beside --t",
    )


def add_motion_options(parser: ArgumentParser) -> None:
    """Add the options that say in words how objects move."""
    group = parser.add_argument_group(
        "how objects move (estimated from the movie where nothing is said)"
    )
    group.add_argument(
        "--moves",
        choices=_MOVES,
        help="from one frame to the next: hardly, a quarter or half of their size, far",
    )
    group.add_argument("--changes", choices=_CHANGES, help="of their areas")
    group.add_argument("--divides", choices=("yes", "no"), help="do they divide")
    group.add_argument(
        "--hidden", type=at_least(0), metavar="N", help="frames an object may be hidden"
    )
    group.add_argument(
        "--direction",
        choices=("both", "forwards", "backwards"),
        default="both",
        help="in which tracks are carried on where they break (default: %(default)s)",
    )


def add_export_options(parser: ArgumentParser) -> None:
    """Add the options for other programs' formats."""
    group = parser.add_argument_group("other results (of one movie)")
    group.add_argument(
        "--ctc", type=Path, metavar="DIR", help="folder of the Cell Tracking Challenge"
    )
    group.add_argument("--geff", type=Path, metavar="DIR", help="graph as GEFF")
    group.add_argument(
        "--tree", type=Path, metavar="SVG", help="picture of the lineages"
    )
    group.add_argument(
        "--doubts", type=Path, metavar="CSV", help="review list, the worst first"
    )


def frames(text: str) -> tuple[int, ...]:
    """Parse ``"0,10-19"``."""
    from argparse import ArgumentTypeError

    from napari_segment_anything.batch.track_start import parse_frames
    from napari_segment_anything.errors import InvalidSettingsError

    try:
        return parse_frames(text)
    except InvalidSettingsError as error:
        raise ArgumentTypeError(str(error)) from error


def words_of(arguments: Namespace) -> "MotionWords | None":
    """How objects move, if anything was said about it."""
    from napari_segment_anything.tracking.words import AS_ESTIMATED, MotionWords

    words = MotionWords(
        moves=_MOVES.get(arguments.moves, AS_ESTIMATED),
        changes=_CHANGES.get(arguments.changes, AS_ESTIMATED),
        divides={"yes": True, "no": False}.get(arguments.divides),
        hidden_frames=arguments.hidden,
    )
    return None if words == MotionWords() else words


def start_of(arguments: Namespace, stack: "Stack") -> "StartLabels | None":
    """Labels to start from, if any were given."""
    from napari_segment_anything.batch.track_start import StackPlanes, StartLabels
    from napari_segment_anything.errors import InvalidSettingsError
    from napari_segment_anything.stacks.open import open_stack
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.storage.ctc import is_ctc, read_ctc

    if arguments.start_from is None:
        if arguments.locked_frames:
            raise InvalidSettingsError(
                "There is nothing to lock: give the labels of the locked frames with "
                "--start-from."
            )
        return None
    axes = stack.index_axes + "".join(stack.plane_axes)
    parents: dict[int, int] = {}
    is_challenge = is_ctc(arguments.start_from)
    if is_challenge:
        found = read_ctc(arguments.start_from)
        labels = Stack(
            found.labels,
            axes,
            plane_axes=stack.plane_axes,
            name=str(arguments.start_from),
        )
        parents = {one: parent for one, _, _, parent in found.tracks if parent}
    else:
        labels = open_stack(
            arguments.start_from, axes=axes, plane_axes=stack.plane_axes
        )
    parts = {axis: getattr(arguments, axis.lower(), None) for axis in "TZ"}
    chosen = {axis: part for axis, part in parts.items() if part is not None}
    return StartLabels(
        StackPlanes(labels.select(**chosen) if chosen else labels),
        search=arguments.search,
        are_tracks=arguments.ids_are_tracks or is_challenge,
        parents=parents,
        is_locked=not arguments.change_labels,
        locked_frames=_locked_frames(arguments, labels),
    )


def _locked_frames(arguments: Namespace, labels: "Stack") -> tuple[int, ...]:
    """Locked frames as positions in the part of the movie that is looked at.

    Raises
    ------
    InvalidSettingsError
        If they are no frames of the movie.
    """
    from napari_segment_anything.errors import InvalidSettingsError

    axis = str(arguments.along or labels.time_axis)
    lengths = dict(zip(labels.index_axes, labels.index_shape, strict=True))
    frames = range(lengths.get(axis, 1))
    if beyond := set(arguments.locked_frames).difference(frames):
        raise InvalidSettingsError(
            f"Frame {min(beyond)} cannot be locked: the labels have the frames 0 to "
            f"{frames[-1]}."
        )
    part = getattr(arguments, str(axis).lower(), None)
    if part is not None:
        frames = frames[
            part if isinstance(part, slice) else slice(part, part + 1 or None)
        ]
    return tuple(n for n, t in enumerate(frames) if t in arguments.locked_frames)


def export(
    arguments: Namespace, result: "TrackResult", stack: "Stack"
) -> dict[str, str]:
    """Write the other results that were asked for; returns their places by name."""
    if not any(_wanted(arguments).values()):
        return _write_doubts(arguments, result.all_doubts, result.other_axes.lower())
    from napari_segment_anything.batch.result_frames import tracked_movies

    movies = tracked_movies(result, stack)
    return write_exports(arguments, movies, result.all_doubts)


def write_exports(
    arguments: Namespace, movies: "TrackedMovies", doubts: "Sequence[Doubt]"
) -> dict[str, str]:
    """Write tracks as was asked for; returns the places by name."""
    from napari_segment_anything.batch.progress import run
    from napari_segment_anything.batch.track_export import export_movies

    files = {}
    for kind, path in _wanted(arguments).items():
        if path is not None:
            run(export_movies(path, kind, movies))
            files[kind] = str(path)
    return files | _write_doubts(arguments, doubts, movies.other_axes.lower())


def wanted_files(arguments: Namespace) -> dict[str, Path | None]:
    """Where the other results are to be written, by kind."""
    return _wanted(arguments) | {"doubts": arguments.doubts}


def _wanted(arguments: Namespace) -> dict[str, Path | None]:
    return {
        "ctc": arguments.ctc,
        "geff": arguments.geff,
        "svg": arguments.tree,
        "csv": getattr(arguments, "table", None),
    }


def _write_doubts(
    arguments: Namespace, doubts: "Sequence[Doubt]", other_axes: str
) -> dict[str, str]:
    """Write the review list as a table, the worst first."""
    if arguments.doubts is None:
        return {}
    from napari_segment_anything.storage.tables import write_tracks_table

    rows = [
        {
            **dict(zip(other_axes, doubt.position, strict=False)),
            "frame": doubt.frame,
            "track_id": doubt.track,
            "reason": doubt.reason,
            "score": round(doubt.score, 4),
            "otherwise": doubt.otherwise,
        }
        for doubt in doubts
    ]
    columns = [*other_axes, "frame", "track_id", "reason", "score", "otherwise"]
    write_tracks_table(arguments.doubts, rows, columns=columns)
    return {"doubts": str(arguments.doubts)}
