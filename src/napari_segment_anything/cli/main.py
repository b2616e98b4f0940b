"""The command ``napari-segment-anything``."""

import errno
import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from napari_segment_anything._version import __version__
from napari_segment_anything.cli import (
    correct,
    demo,
    embed,
    models,
    segment,
    track,
)
from napari_segment_anything.errors import SegmentAnythingError

EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        0 when done, 2 for input that cannot be used (one sentence on stderr says
        why), 130 when interrupted.
    """
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except SegmentAnythingError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        sys.stderr.write(
            "\nInterrupted. What is finished is kept; the same command continues.\n"
        )
        return EXIT_INTERRUPTED
    except MemoryError:
        return _refuse(
            "The memory of this machine is full; close other programs, or choose a "
            "smaller model or part of the image."
        )
    except OSError as error:
        return _refuse(_sentence(error))
    return EXIT_DONE


def build_parser() -> ArgumentParser:
    """Build the parser of all commands, without importing what they need to run."""
    parser = ArgumentParser(
        prog="napari-segment-anything",
        description="Segment Anything for n-dimensional microscopy.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo, embed, segment, track, correct, models):
        command.add_parser(commands)
    return parser


def _refuse(message: str) -> int:
    sentence = " ".join(message.split())
    sys.stderr.write(f"napari-segment-anything: {sentence}\n")
    return EXIT_BAD_INPUT


def _sentence(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"The disk is full{where}; free some space and run the same command again, "
            "which continues."
        )
    return (
        f"{error.strerror or error}{where}; check that the path is right and may be "
        "read and written."
    )


if __name__ == "__main__":
    sys.exit(main())
