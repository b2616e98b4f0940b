"""What every store of image embeddings offers, and how a plane gets its key."""

import hashlib
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_segment_anything.engine.banded_plane import BandedPlane, rows_of
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry

_KEY_VERSION = "embedding-1"
_KEY_BYTES = 16


@runtime_checkable
class EmbeddingStore(Protocol):
    """Image embeddings by the key of their content.

    Stores may be used by several threads at once.
    """

    def get(self, key: str) -> ImageEmbedding | None:
        """Return the embedding on the CPU, or None if it is not there."""

    def put(self, key: str, embedding: ImageEmbedding) -> None:
        """Keep an embedding; an equal key means equal content."""

    def __contains__(self, key: object) -> bool:
        """Whether an embedding is there, without reading it."""

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, the least recently used first."""

    def delete(self, key: str) -> None:
        """Drop an embedding if it is there."""

    def nbytes(self) -> int:
        """Bytes that all embeddings take."""

    def clear(self) -> None:
        """Drop all embeddings."""


def plane_key(
    plane: NDArray[Any] | BandedPlane,
    *,
    intensity_range: tuple[float, float],
    geometry: FrameGeometry,
    model_digest: str,
) -> str:
    """Return the key of all that an embedding depends on.

    Equal pixels have equal keys, whatever layer, file, memory order or byte order they
    come from; other pixels, another range, frame or model have another key.

    Parameters
    ----------
    plane : numpy.ndarray or BandedPlane
        (H, W) or (H, W, 3) pixels as they were read, before any rescaling.
    intensity_range : tuple of float
        Intensities that become black and white.
    geometry : FrameGeometry
        How the plane lies in the model frame.
    model_digest : str
        Digest of the weights.

    Returns
    -------
    str
        BLAKE2b digest of 128 bits as 32 hexadecimal digits.
    """
    dtype = plane.dtype.newbyteorder("<")
    low, high = (float(value).hex() for value in intensity_range)
    facts = (
        _KEY_VERSION,
        dtype.str,
        plane.shape,
        low,
        high,
        tuple(int(length) for length in geometry.plane_shape),
        int(geometry.frame_size),
        model_digest,
    )
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=_KEY_BYTES)
    for rows in rows_of(plane):
        pixels = np.ascontiguousarray(plane[rows], dtype)
        digest.update(pixels.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
