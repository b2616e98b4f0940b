"""From a command's arguments to a stack, a model and a store."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.stacks.stack import Stack
    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

_CACHE_BYTES = 20_000_000_000


def stack_of(arguments: Namespace, *, unnamed: str | None = None) -> "Stack":
    """Open the input.

    Parameters
    ----------
    arguments : Namespace
        With ``input``, ``axes`` and ``channel``.
    unnamed : str, optional
        What an axis is that the file does not name, such as a plain TIFF's pages.
    """
    from napari_segment_anything.stacks.open import open_stack

    return open_stack(
        arguments.input,
        axes=arguments.axes,
        channel=arguments.channel,
        unnamed=unnamed,
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
    from platformdirs import user_cache_path

    from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

    if path is not None:
        return ZarrEmbeddingStore(path)
    cache = user_cache_path("napari_segment_anything", appauthor=False)
    return ZarrEmbeddingStore(cache / "embeddings", quota_bytes=_CACHE_BYTES)
