"""From a command's arguments to a stack, a model and a store."""

import sys
import warnings
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from napari_segment_anything.cli.reading import reading_line, reading_of
from napari_segment_anything.errors import SeveralImagesWarning

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from napari_segment_anything.batch.cluster import Cluster
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

_CACHE_BYTES = 20_000_000_000


def stack_of(arguments: Namespace, *, unnamed: str | None = None) -> "Stack":
    """Open the input, narrow it to the part that is wanted, and say how it was read.

    Parameters
    ----------
    arguments : Namespace
        With ``input``, ``axes``, ``channel``, ``series`` and, of jobs, ``level``,
        ``plane_axes``, ``t``, ``z``, ``project``.
    unnamed : str, optional
        What an axis is that the file does not name, such as a plain TIFF's pages.
    """
    from napari_segment_anything.batch.track_projection import project_stack
    from napari_segment_anything.stacks.open import open_stack

    place = str(arguments.input)
    if "://" not in place and _has_workers(arguments):
        # Workers may have another working folder.
        place = str(Path(place).expanduser().absolute())
    with warnings.catch_warnings():
        # The line that says how it was read says this, too.
        warnings.simplefilter("ignore", SeveralImagesWarning)
        stack = open_stack(
            place,
            axes=arguments.axes,
            channel=arguments.channel,
            level=getattr(arguments, "level", 0),
            series=arguments.series,
            plane_axes=getattr(arguments, "plane_axes", "YX"),
            unnamed=unnamed,
        )
    wanted = {axis: getattr(arguments, axis.lower(), None) for axis in "TZ"}
    parts = {axis: part for axis, part in wanted.items() if part is not None}
    stack = stack.select(**parts) if parts else stack
    if getattr(arguments, "project", None):
        stack = project_stack(stack, "Z", arguments.project)
    # On the stream of the progress bar: whoever waits sees at once what is worked on.
    sys.stderr.write(reading_line(reading_of(stack)))
    return stack


def cluster_of(arguments: Namespace) -> "AbstractContextManager[Cluster | None]":
    """Start or reach the workers that were asked for; none is the default."""
    if not _has_workers(arguments):
        return nullcontext()
    from napari_segment_anything.batch.cluster import Cluster

    model = str(arguments.model)
    if Path(model).is_file():
        model = str(Path(model).absolute())
    options = {"model": model, "device": arguments.device}
    if arguments.scheduler:
        return Cluster.connect(arguments.scheduler, **options)
    return Cluster.local(arguments.workers, **options)


def _has_workers(arguments: Namespace) -> bool:
    return bool(
        getattr(arguments, "workers", None) or getattr(arguments, "scheduler", None)
    )


def predictor_of(arguments: Namespace) -> "MaskPredictor":
    """Load the model onto the device."""
    from napari_segment_anything.models.load import load_model

    return load_model(arguments.model, device=arguments.device)


def store_of(path: Path | None) -> "ZarrEmbeddingStore":
    """Open the store of embeddings at a path, or the one in the user's cache folder.

    A folder that was named holds whatever is put there; the cache drops what was not
    used for longest.
    """
    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

    quota = _CACHE_BYTES if path is None else None
    return ZarrEmbeddingStore(store_path(path), quota_bytes=quota)


def store_path(path: Path | None) -> Path:
    """Return the folder of embeddings: the one given, or that in the user's cache."""
    from platformdirs import user_cache_path

    cache = user_cache_path("napari_segment_anything", appauthor=False)
    return path or cache / "embeddings"
