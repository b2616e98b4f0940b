"""Options that several commands share."""

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path


def add_shared_options(parser: ArgumentParser) -> None:
    """Add the options that every command on images takes."""
    parser.add_argument(
        "--model",
        default="nano",
        metavar="NAME|FILE",
        help="a model of 'models list', or a weights file (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)",
    )
    parser.add_argument(
        "--axes",
        help="one letter of TPCZYXS for each dimension, where the input does not say",
    )
    parser.add_argument(
        "--channel",
        type=channel,
        metavar="N[,N[,N]]",
        help="channel to use, or two or three to compose to colours (default: first)",
    )
    add_json_option(parser)


def add_json_option(parser: ArgumentParser) -> None:
    """Add the option for a machine-readable summary."""
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the summary as JSON"
    )


def add_store_option(parser: ArgumentParser) -> None:
    """Add the option that says where embeddings are kept."""
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="folder of embeddings (default: in the user's cache folder)",
    )


def add_overwrite_option(parser: ArgumentParser) -> None:
    """Add the option that allows replacing an earlier result."""
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a result of other input or settings at the same place",
    )


def channel(text: str) -> int | tuple[int, ...]:
    """Parse ``"1"`` or ``"0,2"``."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(
            f"'{text}' is no channel number; give 0, or 0,1 for two channels"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers


def zarr_path(text: str) -> Path:
    """Check the path of an output, which is a folder whatever its name says."""
    if not text.rstrip("/").endswith(".zarr"):
        raise ArgumentTypeError(
            f"{text} is written as OME-Zarr, a folder; let its name end in .zarr"
        )
    return Path(text)
