"""Options that several commands share."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
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
    parser.add_argument(
        "--series",
        type=at_least(0),
        metavar="N",
        help="which image of a file that holds several, from 0 (default: the first)",
    )
    add_json_option(parser)


def add_part_options(parser: ArgumentParser) -> None:
    """Add the options that name a part of the input."""
    parser.add_argument(
        "--level",
        type=at_least(0),
        default=0,
        metavar="N",
        help="resolution level of a multiscale image (default: 0, the full one)",
    )
    parser.add_argument(
        "--plane-axes",
        default="YX",
        metavar="AXES",
        help="axes of the rows and the columns of a plane, such as ZX (default: YX)",
    )
    for axis, what in (("t", "frames"), ("z", "slices")):
        parser.add_argument(
            f"--{axis}",
            type=index_range,
            metavar="RANGE",
            help=f"which {what}: 5, 10:20 (without 20), 100: or ::2 (default: all)",
        )


def add_job_options(parser: ArgumentParser) -> None:
    """Add the options of jobs over many planes: which part, how, and where."""
    add_part_options(parser)
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="TOML with the tables [automatic] and [linking] and intensity_range",
    )
    workers = parser.add_mutually_exclusive_group()
    workers.add_argument(
        "--workers",
        type=at_least(1),
        metavar="N",
        help="processes on this machine that share the planes (default: this one)",
    )
    workers.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="dask scheduler whose workers share the planes, such as tcp://host:8786",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="try one plane and say what would be read and written, and how long",
    )


def add_image_option(parser: ArgumentParser) -> None:
    """Add the option that leaves the image out of a new OME-Zarr."""
    parser.add_argument(
        "--no-image",
        action="store_true",
        help="do not copy the image beside the labels of a new OME-Zarr",
    )


def add_show_option(parser: ArgumentParser) -> None:
    """Add the option that shows the result in napari at the end."""
    parser.add_argument(
        "--show", action="store_true", help="open the result in napari when it is done"
    )


def add_json_option(parser: ArgumentParser) -> None:
    """Add the option for a machine-readable summary."""
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the summary as JSON"
    )


def add_table_option(parser: ArgumentParser, what: str) -> None:
    """Add the option for a table as CSV; `what` says what a row is."""
    parser.add_argument(
        "--table", type=Path, metavar="CSV", help=f"write a table, one row per {what}"
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
        help="replace what earlier work left at the places of the results",
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


def index_range(text: str) -> slice | int:
    """Parse ``"5"``, ``"10:20"`` or ``"::2"``."""
    try:
        numbers = [int(part) if part.strip() else None for part in text.split(":")]
        if len(numbers) == 1 and numbers[0] is not None:
            return numbers[0]
        if 2 <= len(numbers) <= 3 and numbers[-1] != 0:
            return slice(*numbers)
    except ValueError:
        pass
    raise ArgumentTypeError(
        f"'{text}' is no range; give a number, or START:STOP such as 10:20"
    )


def at_least(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers that are not smaller."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise ArgumentTypeError(
                f"'{text}' is not a whole number of at least {least}"
            )
        return number

    return parse


def location(text: str) -> str:
    """Check the place of an input; an address is left as it is."""
    if not text.strip():
        raise ArgumentTypeError("the name is empty; give a file or folder")
    return text


def zarr_path(text: str) -> Path:
    """Check the path of an output, which is a folder whatever its name says."""
    path = Path(text)
    # A field of a plate lies deeper: PLATE.zarr/A/1/0/labels/NAME.
    is_in_image = path.parent.name == "labels" and any(
        folder.suffix == ".zarr" for folder in path.parents
    )
    if path.suffix != ".zarr" and not is_in_image:
        raise ArgumentTypeError(
            f"{text} is written as OME-Zarr, a folder; let its name end in .zarr, or "
            f"give IMAGE.zarr/labels/NAME to add labels to an image"
        )
    return path
